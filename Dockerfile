# `rtvc serve` on a CPU: docker compose up --build (docs/http.md). tests/test_docker.py runs these steps without Docker.
FROM python:3.11-slim AS build
RUN python -m venv /opt/rtvc
# The line of the README that brings the small torch, then the rest at the versions that the tests use.
RUN /opt/rtvc/bin/pip install --no-cache-dir torch==2.13.0 --index-url https://download.pytorch.org/whl/cpu
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY rtvc rtvc
RUN /opt/rtvc/bin/pip install --no-cache-dir -c constraints.txt ".[serve]"

FROM python:3.11-slim
COPY --from=build /opt/rtvc /opt/rtvc
ENV PATH=/opt/rtvc/bin:$PATH
RUN useradd --create-home rtvc && mkdir /voices && chown rtvc:rtvc /voices
USER rtvc
VOLUME /voices
EXPOSE 8000
HEALTHCHECK --start-period=60s CMD python -c "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health', timeout=5)"
CMD ["rtvc", "serve", "/voices", "--host", "0.0.0.0", "--port", "8000"]
