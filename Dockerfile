# The program alone: static, as a user who owns nothing, with its own health check.
#
#   docker build -t wsbridge .
#   docker run --rm -p 127.0.0.1:8080:8080 -e WSBRIDGE_API_KEYS=… -e WSBRIDGE_TOKEN_KEYS=… wsbridge

FROM golang:1.26.8-alpine AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -ldflags="-s -w" -o /wsbridge ./cmd/wsbridge

FROM scratch
# For Redis by TLS, whose certificate somebody has to vouch for.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /wsbridge /wsbridge
USER 65532:65532
EXPOSE 8080
# Alive, not ready: an instance that waits for Redis or drains is not to be killed for it.
# The address is that of WSBRIDGE_ADDR; a flag of serve would have to stand here as well.
HEALTHCHECK --interval=5s --timeout=6s --start-period=10s --retries=3 CMD ["/wsbridge", "healthcheck"]
ENTRYPOINT ["/wsbridge"]
CMD ["serve"]
