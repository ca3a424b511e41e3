"""The product's workers for a storm in a test: a claim is given up after 15 seconds instead of a minute.

Longer than the provider's time-out still, so that nobody is asked about a request that is on its way.
"""

from __future__ import annotations

from datetime import timedelta

from celery.signals import worker_process_init

from infusion_home.celery import app as app


@worker_process_init.connect
def hurry(**kwargs: object) -> None:
    from scheduling.services import dispatch
    from scheduling.transports import twilio

    dispatch.CLAIM_IS_STALE = timedelta(seconds=15)
    twilio.TOO_SOON = timedelta(seconds=10)
