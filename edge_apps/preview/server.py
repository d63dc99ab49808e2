"""Serves a session as a web page."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from common.errors import InputError, MissingPackageError, SamnetError
from edge_apps.preview.address import Address, is_loopback
from edge_apps.preview.broadcast import Broadcast
from edge_apps.preview.session import VIEWS, Session, View

PAGE = Path(__file__).with_name("page.html")

COOKIE = "samnet-preview-{port}"
"""Keeps the token; browsers share cookies among the ports of a host."""

BOUNDARY = "picture"

STALLED = 20.0
"""Seconds after which a viewer who takes nothing is let go."""

LEAVE = 1.0
"""Seconds that streams get to end when the server does."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self' data:; connect-src 'self'; "
        "style-src 'unsafe-inline'; script-src 'unsafe-inline'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def serve(session: Session, address: Address, ready: Callable[[str], None]) -> None:
    """Run a session and its page until the source ends or the process is interrupted.

    Args:
        session: not yet started.
        address: where to listen.
        ready: is told the page's address once it can be opened.

    Raises:
        InputError: if the address cannot be used, aiohttp is not installed, or from the source.
    """
    try:
        import aiohttp  # noqa: F401
    except ImportError as error:
        raise MissingPackageError(
            "the preview needs aiohttp; pip install 'samnet[preview]'"
        ) from error
    asyncio.run(_serve(session, address, ready))


async def _serve(session: Session, address: Address, ready: Callable[[str], None]) -> None:
    from aiohttp import web

    broadcasts: dict[View, Broadcast] = {view: Broadcast() for view in VIEWS}
    loop = asyncio.get_running_loop()
    runner = web.AppRunner(
        _application(session, broadcasts, address), access_log=None, shutdown_timeout=LEAVE
    )
    await runner.setup()

    def publish(view: View, picture: bytes) -> None:
        with contextlib.suppress(RuntimeError):  # the loop may end before the pipeline does
            loop.call_soon_threadsafe(broadcasts[view].publish, picture)

    def wanted() -> list[View]:
        return [view for view, broadcast in broadcasts.items() if broadcast.viewers]

    try:
        try:
            await web.TCPSite(runner, address.host, address.port).start()
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(
                f"{address.host}:{address.port}: cannot be served ({reason}); choose another "
                "--address"
            ) from error
        ready(address.url(runner.addresses[0][1]))
        await asyncio.to_thread(session.run, wanted, publish)
    finally:
        session.stop()
        await runner.cleanup()


def _application(session: Session, broadcasts: dict[View, Broadcast], address: Address) -> Any:
    from aiohttp import web

    @web.middleware
    async def guard(request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        # A page elsewhere could have its own name point here and then read what it gets.
        if not address.token and not is_loopback(request.url.host or ""):
            raise web.HTTPForbidden(text="This page is open on 127.0.0.1 and localhost alone.\n")
        given = request.query.get("token", "")
        cookie = COOKIE.format(port=request.url.port)
        known = given or request.cookies.get(cookie, "")
        if address.token and not hmac.compare_digest(known.encode(), address.token.encode()):
            raise web.HTTPUnauthorized(
                text="Open the page with ?token=… as it was printed where the preview started.\n"
            )
        if address.token and given and request.path == "/":
            # The address in the bar may be photographed or shared; the cookie stays.
            response = web.Response(status=302, headers={"Location": "/"})
            response.set_cookie(cookie, given, httponly=True, samesite="Strict")
            return response
        return await handler(request)

    async def page(_: Any) -> Any:
        return web.Response(
            text=PAGE.read_text(encoding="utf-8"), content_type="text/html", headers=HEADERS
        )

    async def state(_: Any) -> Any:
        values = await asyncio.to_thread(session.state)
        values["viewers"] = sum(broadcast.viewers for broadcast in broadcasts.values())
        return web.json_response(values, headers=HEADERS)

    async def model(request: Any) -> Any:
        # Browsers ask before they send JSON to another site, and are not answered.
        try:
            name = (
                (await request.json())["name"]
                if request.content_type == "application/json"
                else None
            )
            await asyncio.to_thread(session.pick, str(name))
        except (ValueError, TypeError, KeyError) as error:
            raise web.HTTPBadRequest(text='expected {"name": …} as JSON\n') from error
        except SamnetError as error:
            raise web.HTTPBadRequest(text=f"{error}\n") from error
        return web.json_response({})

    async def steady(request: Any) -> Any:
        try:
            on = (
                (await request.json())["on"] if request.content_type == "application/json" else None
            )
        except (ValueError, TypeError, KeyError):
            on = None
        if not isinstance(on, bool):
            raise web.HTTPBadRequest(text='expected {"on": true} or {"on": false} as JSON\n')
        session.set_steady(on)
        return web.json_response({})

    async def stream(request: Any) -> Any:
        broadcast = broadcasts.get(request.query.get("view", "overlay"))
        if broadcast is None:
            raise web.HTTPNotFound(text=f"view: expected one of {', '.join(VIEWS)}\n")
        response = web.StreamResponse(
            headers={**HEADERS, "Content-Type": f"multipart/x-mixed-replace; boundary={BOUNDARY}"}
        )
        await response.prepare(request)
        await response.write(f"--{BOUNDARY}\r\n".encode())
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with contextlib.aclosing(broadcast.pictures()) as pictures:
                async for picture in pictures:
                    if request.transport is None or request.transport.is_closing():
                        break
                    if picture:
                        await asyncio.wait_for(response.write(_part(picture)), STALLED)
        return response

    application = web.Application(middlewares=[guard])
    application.add_routes(
        [
            web.get("/", page),
            web.get("/state", state),
            web.post("/model", model),
            web.post("/steady", steady),
            web.get("/stream", stream, allow_head=False),
        ]
    )
    return application


def _part(picture: bytes) -> bytes:
    # Ends with the boundary: browsers show a picture only once the next one is announced.
    head = f"Content-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n".encode()
    return head + picture + f"\r\n--{BOUNDARY}\r\n".encode()
