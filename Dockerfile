# One image for every process: web, workers, scheduler. `docker compose` chooses the command.
FROM python:3.12-slim

# Where PyTorch comes from: its CPU wheels here; empty for the ordinary ones, which bring CUDA.
ARG TORCH_OPTIONS="--index-url https://download.pytorch.org/whl/cpu"

ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONUNBUFFERED=1

# In a layer of its own: the largest download changes least.
RUN pip install ${TORCH_OPTIONS} torch==2.13.0 torchvision==0.28.0

WORKDIR /app
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY backend backend
COPY training training
COPY zegclip_core zegclip_core
RUN pip install '.[cloud]'

RUN useradd --create-home --uid 1000 zegclip \
    && mkdir /data \
    && chown zegclip:zegclip /data
USER zegclip
VOLUME /data

ENV ZEGCLIP_DATA_DIR=/data \
    ZEGCLIP_HOST=0.0.0.0 \
    ZEGCLIP_PORT=9090
EXPOSE 9090
STOPSIGNAL SIGTERM
ENTRYPOINT ["zegclip"]
CMD ["web"]
