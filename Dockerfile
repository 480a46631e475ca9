# One image for the admin site, the worker, the operator's commands and the sample product.
FROM python:3.11.14-slim-bookworm AS build

WORKDIR /build
COPY requirements.lock ./
# Only what runs, with the bytes that were published.
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock

FROM python:3.11.14-slim-bookworm

# The folders that volumes are put over take their owner from here.
RUN useradd --system --uid 10001 --user-group --home-dir /nonexistent understudy \
    && install --directory --mode=0700 --owner=understudy --group=understudy \
        /etc/understudy /var/lib/understudy /var/lib/letterbox /var/log/understudy
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    FLASK_APP=app.cli.operator:operator \
    # Else glibc keeps memory apart for each thread, and what checking a password took for good.
    MALLOC_ARENA_MAX=2 \
    MALLOC_MMAP_THRESHOLD_=1048576 \
    UNDERSTUDY_SIGNING_KEY_FILE=/etc/understudy/signing-key.pem \
    UNDERSTUDY_CHECKPOINT_KEY_FILE=/etc/understudy/checkpoint-key.pem \
    UNDERSTUDY_FACTOR_KEY_FILE=/etc/understudy/factor.key \
    UNDERSTUDY_CHECKPOINT_FILE=/var/lib/understudy/checkpoints.txt \
    UNDERSTUDY_AUDIT_LOG_FILE=/var/log/understudy/audit.log \
    UNDERSTUDY_METRICS_FOLDER=/tmp/metrics
WORKDIR /opt/understudy
COPY --from=build /venv /venv
COPY migrations ./migrations
COPY static ./static
COPY templates ./templates
COPY app ./app

USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["gunicorn", "--config", "python:app.serving", "--bind", "0.0.0.0:8000", "app.wsgi:admin"]
