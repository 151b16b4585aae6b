"""A JupyterHub without Helm that has Windlass: `jupyterhub --config hub-config/jupyterhub_config.py`.

As it stands it runs users' servers as processes of this machine, with profiles, prices and the admin page, and
isolates nothing: for one trusted team on one GPU machine, or to try things out. For pods, set `spawner="kubernetes"`
(the account in KUBECONFIG needs hub-config/rbac/), or install with Helm: hub-config/z2jh/values.yaml.
"""

import os
from pathlib import Path

from windlass_hub import Settings, configure

c = get_config()  # noqa: F821  (JupyterHub puts it there)

state = Path(os.environ.get("WINDLASS_HUB_STATE", "windlass-hub")).absolute()
state.mkdir(mode=0o700, parents=True, exist_ok=True)

c.JupyterHub.bind_url = os.environ.get("WINDLASS_HUB_BIND", "http://127.0.0.1:8000")
c.JupyterHub.db_url = f"sqlite:///{state}/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = str(state / "cookie_secret")
c.JupyterHub.allow_named_servers = True
c.ConfigurableHTTPProxy.pid_file = str(state / "proxy.pid")

# Who may log in. PAM is JupyterHub's default; put your own authenticator here.
c.Authenticator.allow_all = os.environ.get("WINDLASS_HUB_ALLOW_ALL") == "1"
c.Authenticator.allowed_users = set(filter(None, os.environ.get("WINDLASS_HUB_USERS", "").split(",")))
if os.environ.get("WINDLASS_HUB_DUMMY_PASSWORD"):  # to try it out: everybody logs in with one password
    c.JupyterHub.authenticator_class = "dummy"
    c.DummyAuthenticator.password = os.environ["WINDLASS_HUB_DUMMY_PASSWORD"]

configure(
    c,
    Settings(
        spawner="local",
        isolation="none",
        profiles=f"file:{state}/profiles.yaml",
        database=f"sqlite:///{state}/windlass.sqlite",
        admin_users=tuple(filter(None, os.environ.get("WINDLASS_HUB_ADMINS", "").split(","))),
        service_url=os.environ.get("WINDLASS_HUB_SERVICE_URL", "http://127.0.0.1:8123"),
    ),
)
