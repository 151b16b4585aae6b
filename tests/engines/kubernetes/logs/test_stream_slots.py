"""Open logs are counted, and whoever waits gets a turn."""

from __future__ import annotations

import asyncio

from windlass.engines.kubernetes.logs.stream_slots import StreamSlots, default_count


async def test_never_more_than_the_slots_are_held() -> None:
    slots, holding, most = StreamSlots(3, turn_seconds=0.0), 0, 0

    async def use(number: int) -> None:
        nonlocal holding, most
        for _ in range(5):
            async with slots.hold():
                holding += 1
                most = max(most, holding)
                await asyncio.sleep(0.001 * (number % 3))
                holding -= 1

    await asyncio.gather(*(use(number) for number in range(20)))
    assert most == 3
    assert slots.taken == 0


async def test_the_longest_holder_is_asked_to_leave_for_one_who_waits() -> None:
    slots = StreamSlots(2, turn_seconds=0.01)
    order: list[str] = []
    asked = asyncio.Event()

    async def hold(name: str, *, until_asked: bool) -> None:
        async with slots.hold() as leave:
            order.append(name)
            await (leave.wait() if until_asked else asked.wait())
            order.append(f"{name} leaves")
            asked.set()

    tasks = [asyncio.create_task(hold(name, until_asked=name != "c")) for name in ("a", "b", "c")]
    await asyncio.wait_for(asyncio.gather(tasks[0], tasks[2]), 5)
    assert order[:4] == ["a", "b", "a leaves", "c"]
    assert not tasks[1].done()
    tasks[1].cancel()
    await asyncio.wait(tasks)
    assert slots.taken == 0


async def test_nobody_is_asked_to_leave_while_nobody_waits() -> None:
    slots = StreamSlots(1, turn_seconds=0.0)
    async with slots.hold() as leave:
        await asyncio.sleep(0.02)
        assert not leave.is_set()


async def test_those_who_give_up_waiting_keep_no_slot() -> None:
    slots = StreamSlots(1, turn_seconds=60.0)
    async with slots.hold():
        waiting = [asyncio.create_task(_take(slots)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
    waiting[1].cancel()  # at the moment at which it was given the slot
    await asyncio.wait_for(waiting[2], 5)
    await asyncio.wait(waiting)
    assert slots.taken == 0


async def _take(slots: StreamSlots) -> None:
    async with slots.hold():
        await asyncio.sleep(0)


def test_the_count_leaves_files_for_the_rest_of_the_server() -> None:
    assert 16 <= default_count() <= 2048
