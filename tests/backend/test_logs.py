import logging
import traceback

import pytest

from backend.logs import HIDDEN, RedactingFormatter, redact


@pytest.mark.parametrize(
    "text",
    [
        '{"access_token": "s3cr3t-value"}',
        "{'token': 's3cr3t-value'}",
        "LABEL_STUDIO_API_KEY: api_key=s3cr3t-value",
        "Authorization: Token s3cr3t-value",
        "authorization: Bearer s3cr3t-value",
        "Basic s3cr3t-value",
        "http://anna:s3cr3t-value@images.example/cat.jpg",
        "redis://:s3cr3t-value@queue:6379/0",
        "https://bucket.example/cat.jpg?X-Amz-Signature=s3cr3t-value&x=1",
        'task_data_password="s3cr3t-value"',
        "password = s3cr3t-value",
        "POST /webhook/s3cr3t-value",
        'got "http://backend:9090/webhook/s3cr3t-value" from Label Studio',
    ],
)
def test_secrets_are_hidden(text: str) -> None:
    assert "s3cr3t-value" not in redact(text)
    assert HIDDEN in redact(text)


def test_a_json_web_token_is_hidden_wherever_it_stands() -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJ0b2tlbl90eXBlIjoicmVmcmVzaCJ9.c2lnbmF0dXJl"
    assert "eyJ" not in redact(f"got {token} from the server")


@pytest.mark.parametrize(
    "text", ["task 7: no field 'image'", "project 3: 4 tasks, 0 failed", "http://images.example/cat.jpg"]
)
def test_ordinary_words_stay(text: str) -> None:
    assert redact(text) == text


def test_masks_do_not_fill_the_log() -> None:
    line = redact(f"rle: {list(range(200))} of region x")
    assert len(line) < 60
    assert "of region x" in line


def line_of(message: str, error: BaseException | None = None) -> str:
    exc_info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("rq.worker", logging.ERROR, __file__, 1, message, None, exc_info)
    return RedactingFormatter().format(record)


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


def test_an_exception_is_named_with_its_place_but_without_traceback() -> None:
    line = line_of("request failed", raised(KeyError("image")))
    assert "KeyError: 'image'" in line
    assert "test_logs.py:" in line
    assert "Traceback" not in line


def test_a_traceback_inside_a_message_is_reduced_to_its_error() -> None:
    text = "".join(traceback.format_exception(raised(ValueError("no such label"))))
    line = line_of(f"job 7: exception raised while executing (f)\n{text}")
    assert line.endswith("executing (f) / ValueError: no such label")


def test_chained_tracebacks_are_reduced_too() -> None:
    try:
        try:
            raise KeyError("inner")
        except KeyError as inner:
            raise ValueError("outer") from inner
    except ValueError as error:
        text = "".join(traceback.format_exception(error))
    line = line_of(text)
    assert "Traceback" not in line
    assert "line " not in line
    assert line.endswith("KeyError: 'inner' /  / ValueError: outer")


def test_a_record_is_one_line() -> None:
    assert "\n" not in line_of("first\nsecond\r\nthird")


def test_the_exceptions_own_words_are_redacted_as_well() -> None:
    assert "hunter2" not in line_of("failed", raised(OSError("http://anna:hunter2@host refused")))
