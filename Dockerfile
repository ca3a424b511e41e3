# syntax=docker/dockerfile:1
# One image for web, worker and beat; docker-compose.yml says which is which.

FROM node:22-slim AS font
WORKDIR /font
COPY scripts/assets.py scripts/assets.py
COPY infusion_home/fonts infusion_home/fonts
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/* \
    && mkdir -p vendor-assets \
    && python3 scripts/assets.py

FROM python:3.12-slim AS packages
COPY requirements.txt .
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --disable-pip-version-check -r requirements.txt

FROM python:3.12-slim
RUN useradd --system --uid 10001 --create-home --home-dir /state infusion
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 INFUSION_HOME_STATE=/state PORT=8000
WORKDIR /app
COPY --from=packages /venv /venv
COPY . .
COPY --from=font /font/vendor-assets vendor-assets
# Collecting static files reads the settings and connects to nothing; these values stay in this one command.
RUN SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(64))')" ALLOWED_HOSTS=build \
    DATABASE_URL=postgres://build@localhost/build REDIS_URL=redis://localhost:6379/0 \
    python manage.py collectstatic --noinput \
    && python -m compileall -q accounts infusion_home nurses patients scheduling
USER infusion
EXPOSE 8000
# exec, so that the server itself hears the order to stop.
CMD ["sh", "-c", "exec gunicorn infusion_home.wsgi:application --bind 0.0.0.0:$PORT --worker-class gthread --workers 2 --threads 8 --graceful-timeout 20 --no-control-socket"]
