# Build and run, as docs/deployment.md describes:
# docker build --tag digit-lab .
# docker run --rm --init --read-only --tmpfs /tmp --publish 8501:8501 --volume digit-lab:/home/lab/data digit-lab
ARG PYTHON=python:3.12-slim
FROM ${PYTHON}

RUN useradd --create-home --uid 10001 lab
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --requirement requirements.txt
COPY . .
RUN pip install --no-cache-dir --no-deps --editable .

USER 10001
ENV HOME=/home/lab DIGITLAB_CACHE=/home/lab/data PYTHONDONTWRITEBYTECODE=1
RUN digitlab data || echo "Continuing without MNIST. Drawing works, and training asks for MNIST."
VOLUME /home/lab/data
EXPOSE 8501
HEALTHCHECK --start-period=60s --interval=30s --timeout=5s \
  CMD ["python", "-c", "import os, urllib.request; base = os.environ.get('STREAMLIT_SERVER_BASE_URL_PATH', '').strip('/'); urllib.request.urlopen('/'.join(filter(None, ['http://127.0.0.1:8501', base, 'healthz'])), timeout=4)"]
CMD ["python", "-m", "streamlit", "run", "server.py", "--server.address=0.0.0.0", "--server.port=8501", "--server.headless=true"]
