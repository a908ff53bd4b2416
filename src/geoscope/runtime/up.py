"""The main path of `geoscope up`: a folder, its secrets, a plan, the supervisor until told to stop."""

import signal
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from geoscope.access.signing_keys import rotate_if_due
from geoscope.errors import NotFoundError
from geoscope.manifests import core_manifests, discover
from geoscope.runtime import control, edge
from geoscope.runtime.data_folder import locked, prepare_data_folder
from geoscope.runtime.keeper import end_leftovers
from geoscope.runtime.plan import Plan, make_plan
from geoscope.runtime.ports import require_port
from geoscope.runtime.services_folder import ServicesFollower, services_folder
from geoscope.runtime.state import forget_state, read_state
from geoscope.runtime.supervisor import Supervisor
from geoscope.runtime.watch import HealthWatch
from geoscope.secrets import ensure_secrets
from geoscope.service import Manifest
from geoscope.settings import Settings

type WhenReady = Callable[[Supervisor, bool], Awaitable[None]]


def run_platform(settings: Settings, when_ready: WhenReady) -> None:
    """Run the platform until it is told to stop.

    Parameters
    ----------
    settings : Settings
        Where it keeps its data and where it listens.
    when_ready : callable
        Called once with the supervisor, and whether this was the folder's first start.

    Raises
    ------
    SetupError
        If it cannot start; then nothing is left running.
    """
    is_first_start = prepare_data_folder(settings.data_dir)
    with locked(settings.data_dir):
        _clear_leftovers(settings)
        _require_ports(settings)
        ensure_secrets(settings)
        rotate_if_due(settings)
        plan = make_plan(settings)
        manifests, _problems = discover(services_folder(settings))
        edge.write_config(plan.settings, manifests)
        try:
            anyio.run(_supervise, plan, manifests, when_ready, is_first_start)
        finally:
            forget_state(settings.data_dir)


async def _supervise(
    plan: Plan, manifests: list[Manifest], when_ready: WhenReady, is_first_start: bool
) -> None:
    supervisor = Supervisor(plan)
    watch = HealthWatch(plan.settings)
    services = ServicesFollower(plan.settings, manifests)
    problem: BaseException | None = None

    async def begin() -> None:
        nonlocal problem
        try:
            await supervisor.wait_until_ready()
            tasks.start_soon(watch.run, manifests)
            tasks.start_soon(services.run)
            await when_ready(supervisor, is_first_start)
        except Exception as error:  # noqa: BLE001 (raised again once everything is stopped)
            problem = error
            supervisor.stop()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_stop_on_signal, supervisor)
        tasks.start_soon(control.listen, plan.settings.data_dir, _commands(supervisor, services))
        tasks.start_soon(begin)
        await supervisor.run()
        tasks.cancel_scope.cancel()
    if problem is not None:
        raise problem


async def _stop_on_signal(supervisor: Supervisor) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        async for _number in signals:
            supervisor.stop()


def _commands(supervisor: Supervisor, services: ServicesFollower) -> dict[str, control.Command]:
    async def stop(_request: dict[str, Any]) -> None:
        supervisor.stop()

    async def restart(request: dict[str, Any]) -> None:
        await supervisor.restart(part_of(str(request.get("name")), supervisor.plan))

    async def take_up_services(_request: dict[str, Any]) -> None:
        await services.take_up()

    return {"stop": stop, "restart": restart, "take-up-services": take_up_services}


def part_of(name: str, plan: Plan) -> str:
    """Return the part with this name, or the part that runs the service with this id.

    Raises
    ------
    NotFoundError
        Naming the parts and services that there are.
    """
    runs = {part.name: part.name for part in plan.parts}
    for manifest in core_manifests():
        runs.setdefault(manifest.id, manifest.part or "data-apis")
    if name not in runs:
        raise NotFoundError(
            f"No part or service is called {name!r}.", f"There are: {', '.join(sorted(runs))}."
        )
    return runs[name]


def _clear_leftovers(settings: Settings) -> None:
    """End what a killed supervisor left running; the lock says that it is gone itself."""
    state = read_state(settings.data_dir)
    if state is not None:
        end_leftovers({part.pid: part.process_started or 0.0 for part in state.parts if part.pid})
        forget_state(settings.data_dir)


def _require_ports(settings: Settings) -> None:
    host = settings.listen_host
    if settings.edge.public_host:
        require_port(host, settings.edge.https_port, "the setting edge.https_port")
        require_port(host, settings.edge.http_port, "the setting edge.http_port")
        return
    if settings.identity.destination_earth_hosts:
        require_port(host, settings.edge.https_port, "the setting edge.https_port")
    require_port(host, settings.edge.port, "--port")
    require_port(host, settings.s3_port, "--s3-port")
