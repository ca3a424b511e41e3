"""Rows that tell what happened can be added and read, not changed: the database refuses too."""

from django.db import migrations

TABLES = ("scheduling_event", "scheduling_doserecord", "patients_prescriptionversion")

FUNCTION = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("scheduling", "0001_initial"), ("patients", "0001_initial")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION refuse_change();"),
        *(
            migrations.RunSQL(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION refuse_change();",
                f"DROP TRIGGER {table}_append_only ON {table};",
            )
            for table in TABLES
        ),
    ]
