"""Secrets: a table of what must be found, and one of what must not."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from windlass.bundle.secret_scan import mask, scan_text, secret_file_kind

from .conftest import Project, code, markdown


def made_up(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    """A token that no service ever gave out, the same on every run."""
    return "".join(random.Random(length).choices(alphabet, k=length))


HEX = "0123456789abcdef"
PASSWORD = "tr0ub4dor&3-horse"

FOUND = [
    "-----BEGIN RSA PRIVATE" + " KEY-----",
    "-----BEGIN OPENSSH PRIVATE" + " KEY-----",
    '  "private_key": "-----BEGIN PRIVATE' + ' KEY-----\\nMIIE"',
    "AWS = 'AKIA" + made_up(16, string.ascii_uppercase + string.digits) + "'",
    "aws_secret_access_key = '" + made_up(38) + "/+'",
    "os.environ['AWS_SECRET_ACCESS_KEY'] = \"" + made_up(40) + '"',
    "os.environ.setdefault('WANDB_API_KEY', '" + made_up(40, HEX) + "')",
    "%env WANDB_API_KEY=" + made_up(40, HEX),
    "!export HF_TOKEN=hf_" + made_up(34),
    "login(token='hf_" + made_up(34) + "')",
    "wandb.login(key='" + made_up(40, HEX) + "')",
    "see https://x.org?t=ghp_" + made_up(36),
    "github_pat_" + made_up(22) + "_" + made_up(59),
    "glpat-" + made_up(20),
    "client = OpenAI(api_key='sk-proj-A1" + made_up(48) + "')",
    "sk-A1" + made_up(46),
    "sk-ant-api03-" + made_up(40),
    "key='AIza" + made_up(35) + "'",
    "xoxb-123456789012-" + made_up(24),
    "https://hooks.slack.com/services/T" + "0AB1/B0CD2/" + made_up(24),
    "sk_live_" + made_up(24),
    "AccountKey=" + made_up(86) + "==",
    "eyJ" + made_up(20) + ".eyJ" + made_up(30) + "." + made_up(43),
    "engine = create_engine('postgresql://me:" + made_up(12) + "@db.example.org/x')",
    "mlflow.set_tracking_uri('http://bob:" + made_up(10) + "@mlflow:5000')",
    f"password = '{PASSWORD}'",
    f'"db_password": "{PASSWORD}",',
    f"connect(user='me', passwd='{PASSWORD}')",
    f"PASSWORD: str = '{PASSWORD}'",
    "client_secret = '" + made_up(32) + "'",
    "api_key = f'" + made_up(24) + "7a'",
]
INNOCENT = [
    "password = os.environ['DB_PASSWORD']",
    "password = getpass.getpass()",
    "password = 'changeme'",
    "password = '<your password>'",
    "password = 'your-password-here'",
    "password = ''",
    "token = os.getenv('HF_TOKEN')",
    "token = get_token(name)",
    "api_key = '${API_KEY}'",
    "api_key = 'YOUR_API_KEY'",
    "api_key='xxxxxxxxxxxxxxxxxxxxxxxx'",
    "tokenizer = 'bert-base-uncased-v2-2019'",
    "eos_token = '<|endoftext|>'",
    "max_tokens = '4096aaaaaaaaaaaaaaaa'",
    "tokens_per_second = 12",
    "secret_name = 'prod-db-credentials-2024-01'",
    "key = 'learning_rate_schedule_2'",
    "keys = ['accuracy', 'loss']",
    "sha256 = '" + made_up(64, HEX) + "'",
    "commit = '" + made_up(40, HEX) + "'",
    "image = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAA'",
    "run_id = '" + made_up(32, HEX) + "'",
    "uri = 'postgresql://user:${PASSWORD}@host/db'",
    "uri = f'postgresql://{user}:{password}@host/db'",
    "uri = 'https://example.org:8080/a@b'",
    "# the password is asked for when the notebook starts",
    "class Config:\n    password: SecretStr\n    token: Optional[str] = None",
    "from sklearn-something-very-long-name-of-a-module import x",
    "model = 'sk-learn-contrib-very-long-model-name-with-words'",
    "token_path = '/var/run/secrets/token-2024-production'",
    "mlflow.log_param('token_type', 'subword-bpe-32000-x')",
    r"('a GitHub token', r'\bgh[pousr]_[A-Za-z0-9]{36,}\b')",
    "engine = create_engine('postgresql+psycopg2://scott:tiger@localhost/test')",
    "assert sorted(secrets) == ['a', 'b']",
]


@pytest.mark.parametrize("line", FOUND, ids=range(len(FOUND)))
def test_a_secret_is_found_and_masked(line: str) -> None:
    (hit,) = scan_text(f"x = 1\n{line}\n", is_code=True)
    assert hit.line == 2
    assert "••••••" in hit.excerpt
    assert scan_text(mask(line), is_code=True) == []


@pytest.mark.parametrize("line", INNOCENT, ids=range(len(INNOCENT)))
def test_what_is_no_secret_raises_no_alarm(line: str) -> None:
    assert scan_text(line, is_code=True) == []


@pytest.mark.parametrize(
    ("line", "is_secret"),
    [
        (f"DB_PASSWORD={PASSWORD}", True),
        (f"export API_TOKEN={made_up(30)}7a", True),
        (f"password: {PASSWORD}", True),
        ("password: changeme", False),
        ("DEBUG=1", False),
    ],
)
def test_in_a_configuration_file_bare_values_count(line: str, is_secret: bool) -> None:
    assert bool(scan_text(line, is_code=False)) is is_secret


@pytest.mark.parametrize(
    ("path", "is_secret"),
    [
        (".env", True),
        ("a/.env.production", True),
        (".env.example", False),
        ("environment.yml", False),
        ("keys/id_ed25519", True),
        ("keys/id_ed25519.pub", False),
        ("store.p12", True),
        ("cert.pem", False),
        ("kaggle.json", True),
    ],
)
def test_some_files_are_secret_by_name(path: str, is_secret: bool) -> None:
    assert (secret_file_kind(path) is not None) is is_secret


@given(st.text(max_size=300))
def test_any_text_is_scanned_without_a_crash_and_masking_is_stable(text: str) -> None:
    scan_text(text, is_code=False)
    assert mask(mask(text)) == mask(text)


def test_a_very_long_line_is_scanned_in_no_time() -> None:
    text = "token." * 3_000 + "a-" * 3_000 + "password" * 500
    assert scan_text(f"{text}\nAKIA{'Q' * 16}", is_code=False)[-1].line == 2


def test_every_cell_and_file_is_looked_at(project: Project) -> None:
    token = "hf_" + made_up(34)
    project.notebook(
        "train.ipynb",
        markdown(f"use {token}"),
        code(f"t = '{token}'", tags=("skip-train",)),
        {"cell_type": "raw", "metadata": {}, "source": token},
        "import model",
    )
    project.write("model.py", f"\nTOKEN = '{token}'\n")
    project.write("settings.yaml", f"password: {PASSWORD}\n")
    project.write("binary.bin", b"\0" + token.encode())
    plan = project.plan(include=("settings.yaml", "binary.bin"))
    found = [finding for finding in plan.findings if finding.rule == "secret"]
    assert [(f.path, f.cell, f.line) for f in found] == [
        ("model.py", None, 2),
        ("settings.yaml", None, 1),
        ("train.ipynb", 0, 1),
        ("train.ipynb", 1, 1),
        ("train.ipynb", 2, 1),
    ]
    assert all(finding.severity.value == "error" for finding in found)
    shown = "".join(finding.model_dump_json() for finding in plan.findings)
    assert token not in shown
    assert PASSWORD not in shown
