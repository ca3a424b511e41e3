"""Patients, their orders, papers and records; the audit trail. All below /staff/."""

from django.urls import path

from scheduling.views import (
    audit,
    evidence,
    pairs,
    patient_status,
    patients,
    prescriptions,
    readiness,
    records,
)

urlpatterns = [
    path("patients/", patients.patients_page, name="patients"),
    path("patients/new/", patients.patient_new, name="patient-new"),
    path("patients/<int:patient_id>/", patients.chart_page, name="chart"),
    path("patients/<int:patient_id>/edit/", patients.patient_edit, name="patient-edit"),
    path("patients/<int:patient_id>/status/", patient_status.status_page, name="patient-status"),
    path(
        "patients/<int:patient_id>/prescriptions/new/",
        prescriptions.prescription_new,
        name="prescription-new",
    ),
    path(
        "patients/<int:patient_id>/prescriptions/preview/",
        prescriptions.prescription_preview,
        name="prescription-preview",
    ),
    path("patients/<int:patient_id>/evidence/new/", evidence.evidence_new, name="evidence-new"),
    path("patients/<int:patient_id>/measurements/new/", records.measurement_new, name="measurement-new"),
    path("patients/<int:patient_id>/nurses/", pairs.pair_new, name="pair-new"),
    path("pairs/<int:pair_id>/take-back/", pairs.pair_take_back, name="pair-take-back"),
    path("patients/<int:patient_id>/decide/", records.patient_decide, name="patient-decide"),
    path(
        "prescriptions/<int:prescription_id>/amend/",
        prescriptions.prescription_amend,
        name="prescription-amend",
    ),
    path(
        "prescriptions/<int:prescription_id>/hold/", prescriptions.prescription_hold, name="prescription-hold"
    ),
    path(
        "prescriptions/<int:prescription_id>/stop/", prescriptions.prescription_stop, name="prescription-stop"
    ),
    path("holds/<int:hold_id>/clear/", prescriptions.hold_clear, name="hold-clear"),
    path("evidence/<int:evidence_id>/withdraw/", evidence.evidence_withdraw, name="evidence-withdraw"),
    path("doses/<int:dose_id>/", records.dose_why, name="dose"),
    path("doses/<int:dose_id>/record/", records.dose_record, name="dose-record"),
    path("records/<int:record_id>/correct/", records.record_correct, name="record-correct"),
    path("readiness/", readiness.readiness_page, name="readiness"),
    path("doses/<int:dose_id>/readiness/", readiness.dose_readiness, name="dose-readiness"),
    path("audit/", audit.audit, name="audit"),
    path("overrides/", audit.overrides, name="overrides"),
    path("overrides/<int:override_id>/withdraw/", audit.override_withdraw, name="override-withdraw"),
]
