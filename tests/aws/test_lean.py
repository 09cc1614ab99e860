"""The lean client beside botocore: its tables are botocore's own, and what it cannot do it leaves to botocore."""

from __future__ import annotations

import io
import json
import logging
import re
import select
import socket
import ssl
import threading
import traceback
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import botocore.session
import pytest
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.retries import standard

from holdoff.aws import lean
from holdoff.aws.client import Clients, Limits, TooLate, make_client
from holdoff.aws.errors import Cause, Tried, row_of, verdict
from holdoff.aws.lean import ONLY_BY_BOTOCORE, PATHS, SERVICES, Lean, NoAnswer, NoConnection, Refused
from holdoff.clock import SystemClock
from holdoff.core.errors import ConfigError, Verdict
from tests.aws.wire import Wire, answer, refusal
from tests.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LIMITS: Final = Limits(connect_s=PATIENCE_S, read_s=PATIENCE_S, tries=2, connections=2)
#: Variables of botocore's that make no difference to the calls of the lean client.
NO_MATTER: Final = set(
    """
    AWS_DATA_PATH AWS_CONFIG_FILE AWS_SHARED_CREDENTIALS_FILE AWS_METADATA_SERVICE_TIMEOUT AWS_IMDS_USE_IPV6
    AWS_METADATA_SERVICE_NUM_ATTEMPTS AWS_EC2_METADATA_SERVICE_ENDPOINT AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE
    AWS_EC2_METADATA_V1_DISABLED AWS_CSM_ENABLED AWS_CSM_HOST AWS_CSM_PORT AWS_CSM_CLIENT_ID AWS_STS_REGIONAL_ENDPOINTS
    AWS_RETRY_MODE AWS_DEFAULTS_MODE AWS_MAX_ATTEMPTS AWS_SDK_UA_APP_ID AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES
    AWS_DISABLE_REQUEST_COMPRESSION AWS_REQUEST_CHECKSUM_CALCULATION AWS_RESPONSE_CHECKSUM_VALIDATION
    AWS_DISABLE_HOST_PREFIX_INJECTION BOTOCORE_TCP_KEEPALIVE AWS_S3_DISABLE_EXPRESS_SESSION_AUTH
    """.split()  # noqa: SIM905
)
READ_HERE: Final = {"AWS_DEFAULT_REGION", "AWS_CA_BUNDLE"}


@pytest.fixture(autouse=True)
def _lean(aws_env: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Wanted, with keys in the environment, and no waits."""
    monkeypatch.setenv("HOLDOFF_AWS_CLIENT", "lean")
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setattr("holdoff.clock.SystemClock.sleep", lambda *_: None)


@pytest.fixture
def wire() -> Iterator[Wire]:
    with Wire() as made:
        yield made


def made(service: str = "dynamodb", limits: Limits = LIMITS, **where: Any) -> Any:
    return make_client(service, limits, lean=lambda _: None, **where)


# --- botocore's own descriptions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("service", SERVICES)
def test_services_are_as_botocore_describes_them(service: str) -> None:
    model, protocol = botocore.session.get_session().get_service_model(service), SERVICES[service]
    assert model.endpoint_prefix == model.signing_name == service
    assert model.signature_version == "v4"
    if protocol.target:
        assert f"{model.metadata['targetPrefix']}." == protocol.target
        assert f"application/x-amz-json-{model.metadata['jsonVersion']}" == protocol.content
    else:
        assert model.protocol == "rest-json"
        assert protocol.content == "application/json"
    operations = [model.operation_model(name) for name in model.operation_names]
    tokens = {op.name: op.idempotent_members for op in operations if op.idempotent_members}
    assert tokens[protocol.token[0]] == [protocol.token[1]] if protocol.token[0] else True


def test_paths_are_as_botocore_describes_them() -> None:
    model = botocore.session.get_session().get_service_model("scheduler")
    for operation, (before, last) in PATHS.items():
        http = model.operation_model(operation).http
        assert (http["method"], http["requestUri"]) == ("POST", f"{before}{{{last}}}")


@pytest.mark.parametrize("service", SERVICES)
def test_endpoints_are_botocores_or_left_to_it(service: str) -> None:
    session = botocore.session.get_session()
    by_lean = []
    for partition in session.get_available_partitions():
        for region in session.get_available_regions(service, partition):
            client = made(service, region=region)
            if isinstance(client, Lean):
                by_lean.append(region)
                config = session.create_client(service, region_name=region)
                assert client.meta.endpoint_url == config.meta.endpoint_url
    assert {"eu-west-1", "us-east-1", "ap-southeast-2", "il-central-1"} <= set(by_lean)
    assert not [region for region in by_lean if region.startswith(("cn-", "us-iso", "eu-iso", "eusc-"))]


def test_it_tries_again_after_what_botocore_tries_again_after() -> None:
    slow = standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES
    assert set(lean.SLOW_DOWN.split()) == {*slow, "429"}
    transient = standard.TransientRetryableChecker
    assert set(lean.PASSING.split()) | {"PriorRequestNotComplete"} == set(transient._TRANSIENT_ERROR_CODES)
    assert list(lean.PASSING_STATUSES) == transient._TRANSIENT_STATUS_CODES
    assert standard.ThrottlingStatusCodeChecker._THROTTLING_STATUS_CODES == [429]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerError"])
@pytest.mark.parametrize("asked", ["", "700", "9000", "-1", "x"])
@pytest.mark.parametrize("number", [1, 2])
def test_it_waits_as_botocore_does(service: str, code: str, asked: str, number: int) -> None:
    headers = {"x-amz-retry-after": asked} if asked else {}
    response = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPHeaders": headers}}
    detector = SimpleNamespace(is_throttling_error_from_context=lambda _: code == "ThrottlingException")
    backoff = standard.ExponentialBackoff(random=lambda: 0.75, service_name=service, throttling_detector=detector)
    context = SimpleNamespace(attempt_number=number, http_response=SimpleNamespace(headers=headers))
    ours_ms = lean._wait_ms(Refused(response, "X"), number, 3 << 14, service)
    assert ours_ms == pytest.approx(1000 * backoff.delay_amount(context), abs=1)


# --- what is left to botocore ----------------------------------------------------------------------------------------


def test_every_variable_that_botocore_reads_has_been_thought_of() -> None:
    named: set[str] = set()
    for row in BOTOCORE_DEFAUT_SESSION_VARIABLES.values():
        named |= {row[1]} if isinstance(row[1], str) else set(row[1] or ())
    assert named == (set(ONLY_BY_BOTOCORE.split()) & named) | NO_MATTER | READ_HERE


@pytest.mark.parametrize(
    "setting",
    [
        *(f"{name}=1" for name in ONLY_BY_BOTOCORE.split()),
        "AWS_ACCESS_KEY_ID=",
        "AWS_SECRET_ACCESS_KEY=",
        "AWS_SESSION_TOKEN=a\r\nx-evil: 1",
        "AWS_ACCESS_KEY_ID=two words",
        "AWS_SESSION_TOKEN=\u00e9",
        "AWS_REGION=cn-north-1",
        "AWS_REGION=eu-west-\u0661",
        "AWS_CA_BUNDLE=/nonexistent",
        "REQUESTS_CA_BUNDLE=/nonexistent",
        "AWS_ENDPOINT_URL=http://127.0.0.1:1/path",
        "AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:99999",
        "HOLDOFF_AWS_CLIENT=botocore",
        "HOLDOFF_AWS_CLIENT=",
    ],
)
def test_what_only_botocore_heeds_is_botocores(
    setting: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert isinstance(made(), Lean)
    name, _, value = setting.partition("=")
    monkeypatch.setenv(name, value)
    try:
        client = make_client("dynamodb", LIMITS, lean=lambda _: None)
    except Exception:  # noqa: BLE001  (botocore says what is wrong with it)
        client = None
    assert not isinstance(client, Lean)
    if not name.startswith("HOLDOFF"):
        assert "botocore makes the calls, because" in caplog.text
        assert "evil" not in caplog.text


@pytest.mark.parametrize("region", ["eu-west-1\r", "eu\r\nx-evil: 1", "\u00e9u"])
def test_a_region_that_no_signature_can_hold_is_botocores(region: str) -> None:
    assert isinstance(made(endpoint="http://127.0.0.1:1", region="local"), Lean)
    client = None
    with suppress(Exception):  # botocore says what is wrong with it
        client = made(endpoint="http://127.0.0.1:1", region=region)
    assert not isinstance(client, Lean)


@pytest.mark.parametrize("service", SERVICES)
def test_the_endpoint_and_the_region_are_found_where_botocore_finds_them(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = botocore.session.get_session().get_service_model(service).service_id.replace(" ", "_").upper()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv(f"AWS_ENDPOINT_URL_{name}", "http://127.0.0.1:2")
    monkeypatch.setenv("AWS_REGION", "eu-west-2")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    by_lean, by_botocore = made(service), make_client(service, LIMITS)
    assert isinstance(by_lean, Lean)
    assert not isinstance(by_botocore, Lean)
    assert by_lean.meta.endpoint_url == by_botocore.meta.endpoint_url == "http://127.0.0.1:2"
    assert by_lean.meta.region_name == by_botocore.meta.region_name == "eu-west-2"
    monkeypatch.delenv("AWS_REGION")
    in_default, by_botocore = made(service), make_client(service, LIMITS)
    assert isinstance(in_default, Lean)
    assert in_default.meta.region_name == by_botocore.meta.region_name == "eu-west-1"


def test_a_client_that_is_neither_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDOFF_AWS_CLIENT", "fast")
    with pytest.raises(ConfigError, match="HOLDOFF_AWS_CLIENT is 'fast'; write 'lean' or 'botocore'"):
        made()


def test_an_endpoint_with_a_password_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://me:secret@127.0.0.1")
    with pytest.raises(ConfigError) as caught:
        made()
    assert "secret" not in str(caught.value)


# --- on the wire -----------------------------------------------------------------------------------------------------


def test_what_is_sent(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "SESSION")
    made(endpoint=wire.url).transact_write_items(TransactItems=[])
    made("scheduler", endpoint=wire.url).create_schedule(Name="site-1", GroupName="g", ClientToken="T")
    transaction, schedule = (request.decode().split("\r\n") for request in wire.requests)
    assert transaction[0] == "POST / HTTP/1.1"
    assert "x-amz-target: DynamoDB_20120810.TransactWriteItems" in transaction
    assert "x-amz-security-token: SESSION" in transaction
    assert transaction[-1].startswith('{"TransactItems":[],"ClientRequestToken":"')
    assert schedule[0] == "POST /schedules/site-1 HTTP/1.1"
    assert "content-type: application/json" in schedule
    assert schedule[-1] == '{"GroupName":"g","ClientToken":"T"}'


def test_an_answer_is_as_botocores(wire: Wire) -> None:
    wire.script.append(answer(200, b'{"Item":{}}', Date="Sat, 28 Nov 2026 13:00:13 GMT"))
    said = made(endpoint=wire.url).get_item(Key={})
    assert said["Item"] == {}
    metadata = said["ResponseMetadata"]
    assert (metadata["RequestId"], metadata["HTTPStatusCode"]) == ("R", 200)
    assert metadata["HTTPHeaders"]["date"] == "Sat, 28 Nov 2026 13:00:13 GMT"


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        (refusal("ConflictException"), "ConflictException", "so"),
        (answer(400, b'{"Message":"M"}', x_amzn_ErrorType="ConflictException:http://x"), "ConflictException", "M"),
        (answer(403, b"<html>"), "403", ""),
        (answer(400, b"[]"), "400", ""),
    ],
)
def test_an_error_answer_is_as_botocores(wire: Wire, given: bytes, code: str, said: str) -> None:
    wire.script.append(given)
    with pytest.raises(Refused) as caught:
        made(endpoint=wire.url).update_item(Key={})
    assert caught.value.response["Error"] == {"Code": code, "Message": said}
    assert caught.value.operation_name == "UpdateItem"


@pytest.mark.parametrize("which", ["lean", "botocore"])
def test_no_error_shows_a_sessions_token(which: str, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that takes another signature may say what it would have signed, with all headers."""
    monkeypatch.setenv("HOLDOFF_AWS_CLIENT", which)
    said = "Not so.\\n\\nThe Canonical String for this request should have been\\n'POST\\nx-amz-security-token:S3CR3T'"
    wire.script.append(answer(403, f'{{"__type":"InvalidSignatureException","message":"{said}"}}'.encode()))
    with pytest.raises(Exception, match="Not so") as caught:
        made("codebuild", endpoint=wire.url).start_build(projectName="site")
    assert "S3CR3T" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("name", "value", "cause"),
    [
        ("AWS_SESSION_TOKEN", "S3CR3T\r", Cause.CREDENTIALS),  # of a file with the line ends of Windows
        ("http_proxy", "http://me:S3CR3T/2@127.0.0.1:9", Cause.NETWORK),
        ("http_proxy", "http://me:S3CR3T#2@127.0.0.1:9", Cause.NETWORK),
        ("http_proxy", "http://me:S3CR3T@127.0.0.1:9", Cause.NETWORK),
        ("http_proxy", "socks5://me:S3CR3T@127.0.0.1:9", Cause.NETWORK),
    ],
)
def test_no_error_shows_what_cannot_be_sent(
    name: str, value: str, cause: Cause, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    for exception in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(exception, raising=False)
    monkeypatch.setenv(name, value)
    clients = Clients("dynamodb", LIMITS, endpoint=wire.url, lean=True)
    clients.begin()
    with pytest.raises(Exception, match=r"HTTP Client|proxy URL") as caught:
        clients.of(None).update_item(TableName="builds", Key={})
    assert "S3CR3T" not in "".join(traceback.format_exception(caught.value))
    assert (row := row_of(caught.value)) is not None
    assert row.cause is cause
    assert verdict(caught.value, clients.tried) is row.verdict
    assert wire.requests == []


@pytest.mark.parametrize("fault", ["cut head after", "cut after", "garble after", "close after", "hang after"])
def test_no_answer_is_tried_again_and_leaves_a_doubt(wire: Wire, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wire.time_out_where_it_hangs(monkeypatch)
    clients = Clients("dynamodb", LIMITS, endpoint=wire.url, lean=True)
    clients.begin()
    assert clients.tried == Tried(sent=False)
    wire.script[:] = [fault]
    if fault == "garble after":
        wire.script[:] = [answer(200, b"{}", x_amz_crc32="1")]
    clients.of(None).update_item(Key={})
    assert clients.tried == Tried(sent=True, in_doubt=True)
    assert len(wire.requests) == LIMITS.tries


def test_an_answer_that_comes_later_is_not_taken_for_that_of_the_next_call(wire: Wire) -> None:
    """http.client takes any 1xx but 100 for the answer."""
    client = made(endpoint=wire.url, limits=LIMITS.but(tries=1))
    wire.script[:] = [b"HTTP/1.1 103 Early Hints\r\n\r\n", answer(200, b'{"Item":"of the next"}')]
    with pytest.raises(NoAnswer):
        client.get_item(Key={})
    assert client.get_item(Key={})["Item"] == "of the next"
    assert wire.connections == 2


def test_it_waits_between_two_tries_and_not_after_the_last(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[int] = []
    monkeypatch.setattr("holdoff.clock.SystemClock.sleep", lambda _clock, ms: waited.append(ms))
    wire.script[:] = [refusal("ThrottlingException", x_amz_retry_after="700")] * LIMITS.tries
    with pytest.raises(Refused):
        made(endpoint=wire.url).get_item(Key={})
    assert len(waited) == LIMITS.tries - 1
    assert min(waited) >= 700


@pytest.mark.parametrize("status", lean.PASSING_STATUSES)
def test_a_status_that_passes_is_tried_again_whatever_its_code(wire: Wire, status: int) -> None:
    wire.script[:] = [answer(status, b"<html>busy</html>")]
    assert made(endpoint=wire.url).get_item(Key={})["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert len(wire.requests) == 2


def test_each_call_has_a_token_of_its_own(wire: Wire) -> None:
    client = made("scheduler", endpoint=wire.url)
    for _ in range(2):
        client.create_schedule(Name="site-1")
    tokens = {json.loads(request.rpartition(b"\r\n")[2])["ClientToken"] for request in wire.requests}
    assert len(tokens) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", token) for token in tokens)


def test_a_connection_that_the_service_has_closed_is_not_used_again(wire: Wire) -> None:
    client = made(endpoint=wire.url, limits=LIMITS.but(tries=1))
    wire.script[:] = ["close idle"]
    client.get_item(Key={})
    assert select.select(client._idle, [], [], PATIENCE_S)[0] == client._idle != []
    client.get_item(Key={})
    assert wire.connections == 2


@pytest.mark.parametrize("which", ["lean", "botocore"])
@pytest.mark.parametrize("sent", [0, 1], ids=["before the first try", "before the second"])
@pytest.mark.parametrize("moved_ms", [LIMITS.longest_ms, -60_000], ids=["slept", "set back"])
def test_no_try_begins_when_the_time_of_its_call_is_over(
    which: str, sent: int, moved_ms: int, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after the sleep of a laptop: it would be signed afresh, and sent when another process has taken over. A clock
    that is set back meanwhile gives no more time."""
    monkeypatch.setenv("HOLDOFF_AWS_CLIENT", which)
    clients = Clients("dynamodb", LIMITS, endpoint=wire.url, lean=True)
    client = clients.of("eu-west-1")
    assert isinstance(client, Lean) is (which == "lean")
    real, added_ms = SystemClock.now_ms, 0
    monkeypatch.setattr(
        SystemClock, "now_ms", lambda clock: real(clock) + (added_ms if len(wire.requests) == sent else 0)
    )
    wire.script[:] = ["close after"]
    clients.begin()
    added_ms = moved_ms
    with pytest.raises(TooLate) as caught:
        client.update_item(TableName="builds", Key={})
    assert len(wire.requests) == sent
    assert clients.tried == (Tried(sent=True, in_doubt=True) if sent else Tried(sent=False))
    assert verdict(caught.value, clients.tried) is (Verdict.UNKNOWN if sent else Verdict.NOT_NOW)
    added_ms = 0
    clients.begin()
    client.update_item(TableName="builds", Key={})


def test_nothing_is_sent_when_the_time_was_over_before_there_was_a_connection(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of a name's addresses may take the whole time to connect. The claim may have been taken over by then."""
    clients = Clients("codepipeline", LIMITS, endpoint=wire.url, lean=True)
    client, real, connect = clients.of("eu-west-1"), SystemClock.now_ms, socket.create_connection
    late_ms = 0

    def slow(*given: Any) -> socket.socket:
        nonlocal late_ms
        late_ms = LIMITS.longest_ms
        return connect(*given)

    monkeypatch.setattr(SystemClock, "now_ms", lambda clock: real(clock) + late_ms)
    monkeypatch.setattr(socket, "create_connection", slow)
    clients.begin()
    with pytest.raises(TooLate) as caught:
        client.start_pipeline_execution(name="release")
    assert wire.requests == []
    assert verdict(caught.value, clients.tried) is Verdict.NOT_NOW


def test_a_call_that_is_answered_leaves_none(wire: Wire) -> None:
    clients = Clients("dynamodb", LIMITS, endpoint=wire.url, lean=True)
    clients.begin()
    wire.script[:] = [refusal("ThrottlingException")]
    clients.of(None).update_item(Key={})
    assert clients.tried == Tried(sent=True)


def test_no_connection_is_certain() -> None:
    client = made(endpoint="http://127.0.0.1:9")
    with pytest.raises(NoConnection) as caught:
        client.get_item(Key={})
    row = row_of(caught.value)
    assert row is not None
    assert row.cause is Cause.NETWORK
    with pytest.raises(NoConnection):
        made(endpoint="http://no..host").get_item(Key={})
    assert row_of(NoAnswer()) is None


def test_time_outs_are_those_of_the_limits(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    real, seen = socket.create_connection, list[float]()

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        seen.append(timeout)
        return real(address, timeout)

    monkeypatch.setattr(socket, "create_connection", connect)
    client = made(endpoint=wire.url)
    client.get_item(Key={})
    assert seen == [LIMITS.connect_s]
    assert [connection.gettimeout() for connection in client._idle] == [LIMITS.read_s]


def test_as_many_connections_are_kept_as_it_may_have(wire: Wire) -> None:
    client, together = made(endpoint=wire.url), threading.Barrier(5)

    def call() -> None:
        together.wait(PATIENCE_S)
        client.get_item(Key={})

    threads = [threading.Thread(target=call) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(client._idle) <= LIMITS.connections
    client.close()
    assert client._idle == []
    assert client.get_item(Key={})["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[Wire, Path]]:
    """A wire with a certificate for 127.0.0.1, and the file to trust it by."""
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    signed = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = tmp_path / "server.pem"
    file.write_bytes(signed.public_bytes(pem) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with Wire(tls=context) as wire:
        yield wire, file


def test_tls_is_checked(tls: tuple[Wire, Path]) -> None:
    wire, _ = tls
    with pytest.raises(ssl.SSLCertVerificationError) as caught:
        made(endpoint=wire.url).get_item(Key={})
    row = row_of(caught.value)
    assert row is not None
    assert row.cause is Cause.CERTIFICATE
    assert wire.requests == []


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_tls_by_certificates_of_ones_own(
    variable: str, tls: tuple[Wire, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    wire, file = tls
    monkeypatch.setenv(variable, str(file))
    client = made(endpoint=wire.url)
    assert isinstance(client, Lean)
    for _ in range(3):
        client.get_item(Key={})
    assert wire.connections == 1
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        made(endpoint=wire.url.replace("127.0.0.1", "localhost")).get_item(Key={})


def test_what_tls_has_unpacked_already_is_no_answer_to_the_next_call(
    tls: tuple[Wire, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One record had more in it than was asked for: nothing of that is at the socket any more."""
    wire, file = tls
    monkeypatch.setenv("AWS_CA_BUNDLE", str(file))
    first = answer(200, b'{"Item":1}')
    first = answer(200, b'{"Item":1}' + b" " * (io.DEFAULT_BUFFER_SIZE - len(first) - len("00")))
    assert len(first) == io.DEFAULT_BUFFER_SIZE
    wire.script[:] = [first + answer(200, b'{"Item":"stale"}'), answer(200, b'{"Item":"of the next"}')]
    client = made(endpoint=wire.url)
    client.get_item(Key={})
    assert client.get_item(Key={})["Item"] == "of the next"


def test_tls_where_there_is_none_is_no_connection(wire: Wire) -> None:
    with pytest.raises(NoConnection):
        made(limits=LIMITS.but(connect_s=0.2), endpoint=wire.url.replace("http:", "https:")).get_item(Key={})
