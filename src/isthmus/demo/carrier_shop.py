"""What the simulated carrier sells, and the HTTP API it sells it by. An account is known by its token.

| | |
|---|---|
| GET /numbers?country=&area=&pattern=&kind=&can=&limit= | what can be bought |
| PUT, DELETE /reservations/REFERENCE | keep a number for ten minutes (410: somebody else's) |
| PUT, GET /orders/REFERENCE | buy it, once a reference |
| DELETE /numbers/NUMBER, PUT /numbers/NUMBER/address | give it back; its address for emergency calls |
| PUT, GET, DELETE /ports/REFERENCE | numbers from another carrier; POST /ports/ID/events says what became of them |

What was sold stands in a file, so that it is sold still after a new start.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, TypeVar

import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import JSONResponse

from isthmus.carriers.contract import CarrierRefusedError, GoneError
from isthmus.carriers.memory import Exchange, MemoryCarrier
from isthmus.carriers.model import (
    Address,
    Bought,
    Can,
    Kind,
    Offer,
    OrderState,
    Port,
    PortStanding,
    Price,
    Search,
)
from isthmus.pki.store import write_private

_T = TypeVar("_T")
_EVERYTHING = frozenset(Can)


def offers() -> list[Offer]:
    """Numbers that are nobody's: of the ranges for examples and drama, so that none is ever called by mistake."""
    found = [_offer(f"+1425555{last:04}", Kind.LOCAL, "US", "Bellevue, WA", 1_000_000) for last in range(300, 350)]
    found += [_offer(f"+1206555{last:04}", Kind.LOCAL, "US", "Seattle, WA", 1_000_000) for last in range(300, 320)]
    found += [_offer(f"+1800555{last:04}", Kind.TOLL_FREE, "US", "", 2_000_000) for last in range(100, 110)]
    found += [_offer(f"+442079460{last:03}", Kind.LOCAL, "GB", "London", 1_500_000) for last in range(300, 320)]
    return found


def _offer(number: str, kind: Kind, country: str, place: str, monthly_micro: int) -> Offer:
    return Offer(number, kind, country, place, _EVERYTHING, Price("USD", 0, monthly_micro))


class Shop:
    """The exchange and the accounts at it. path: where what was sold is kept. accounts: token to name."""

    def __init__(self, path: Path, accounts: dict[str, str], wares: Iterable[Offer] | None = None) -> None:
        self._path = path
        self.exchange = Exchange.of(offers() if wares is None else wares)
        self.accounts = {name: MemoryCarrier(self.exchange, "simulated", name) for name in accounts.values()}
        self._tokens = accounts
        self._load()

    def account(self, token: str) -> MemoryCarrier | None:
        """Whose token it is."""
        found = [name for known, name in self._tokens.items() if hmac.compare_digest(known.encode(), token.encode())]
        return self.accounts[found[0]] if found else None

    def owner(self, number: str) -> str:
        """The account that has bought the number; empty for nobody."""
        return self.exchange.owners.get(number, "")

    def save(self) -> None:
        """Keep what was sold."""
        kept = {
            "owners": self.exchange.owners,
            "accounts": {
                name: {
                    "orders": {ref: asdict(each) for ref, each in account.orders.items()},
                    "ports": {id_: [ref, list(numbers), asdict(p)] for id_, (ref, numbers, p) in account.ports.items()},
                }
                for name, account in self.accounts.items()
            },
        }
        write_private(self._path, json.dumps(kept).encode())

    def _load(self) -> None:
        if not self._path.exists():
            return
        kept = json.loads(self._path.read_text())
        self.exchange.owners.update(kept["owners"])
        for name, said in kept["accounts"].items():
            if name not in self.accounts:
                continue
            account = self.accounts[name]
            account.orders.update(
                {
                    ref: Bought(o["id"], o["number"], OrderState(o["state"]), o["reason"])
                    for ref, o in said["orders"].items()
                }
            )
            account.ports.update(
                {
                    id_: (ref, tuple(numbers), Port(p["id"], PortStanding(p["standing"]), p["due"], p["reason"]))
                    for id_, (ref, numbers, p) in said["ports"].items()
                }
            )


def _account(request: Request, authorization: Annotated[str, Header()] = "") -> MemoryCarrier:
    shop: Shop = request.app.state.shop
    found = shop.account(authorization.removeprefix("Bearer "))
    if found is None:
        raise HTTPException(401, "no such token")
    return found


_At = Annotated[MemoryCarrier, Depends(_account)]


def shop_app(shop: Shop) -> FastAPI:
    """The API."""
    app = FastAPI(openapi_url=None)
    app.state.shop = shop

    @app.exception_handler(GoneError)
    def gone(request: Request, error: GoneError) -> JSONResponse:
        return JSONResponse({"error": error.what}, 410)

    @app.exception_handler(CarrierRefusedError)
    def refused(request: Request, error: CarrierRefusedError) -> JSONResponse:
        return JSONResponse({"error": error.what}, 422)

    @app.get("/numbers")
    def search(
        at: _At,
        country: str,
        area: str = "",
        pattern: str = "",
        kind: Kind = Kind.LOCAL,
        can: str = "",
        limit: int = 20,
    ) -> list[dict[str, Any]]:
        needed = frozenset(Can(each) for each in can.split(",") if each)
        return [_shown(each) for each in at.search(Search(country, area, pattern, kind, needed, limit))]

    @app.put("/reservations/{reference}")
    def reserve(at: _At, reference: str, body: dict[str, str]) -> dict[str, Any]:
        kept = at.reserve(body["number"], reference)
        return {"id": kept.id, "number": kept.number, "until": kept.until_s}

    @app.delete("/reservations/{reservation}", status_code=204)
    def unreserve(at: _At, reservation: str) -> None:
        at.unreserve(reservation)

    @app.put("/orders/{reference}")
    def buy(at: _At, reference: str, body: dict[str, str]) -> dict[str, Any]:
        return _saved(shop, lambda: asdict(at.buy(body["number"], reference)))

    @app.get("/orders/{reference}")
    def order(at: _At, reference: str) -> dict[str, Any]:
        return asdict(_found(at.order(reference)))

    @app.delete("/numbers/{number}", status_code=204)
    def release(at: _At, number: str) -> None:
        _saved(shop, lambda: at.release(number))

    @app.put("/numbers/{number}/address")
    def address(at: _At, number: str, body: dict[str, str]) -> dict[str, Any]:
        return {"id": at.register_address(number, Address(**body))}

    @app.put("/ports/{reference}")
    def port_in(at: _At, reference: str, body: dict[str, list[str]]) -> dict[str, Any]:
        return _saved(shop, lambda: asdict(at.port_in(tuple(body["numbers"]), reference)))

    @app.get("/ports/{id_}")
    def port(at: _At, id_: str) -> dict[str, Any]:
        if id_ not in at.ports:
            raise HTTPException(404)
        return asdict(at.port(id_))

    @app.delete("/ports/{id_}", status_code=204)
    def cancel(at: _At, id_: str) -> None:
        if id_ in at.ports:
            _saved(shop, lambda: at.cancel_port(id_))

    @app.post("/ports/{id_}/events", status_code=204)
    def tell(at: _At, id_: str, body: dict[str, str]) -> None:
        """What the other carrier said: for whoever plays it."""
        standing = PortStanding(body["standing"])
        _saved(shop, lambda: at.tell_port(id_, standing, body.get("due", ""), body.get("reason", "")))

    return app


class _Server(uvicorn.Server):
    """Signals are the carrier's own to take."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve_shop(shop: Shop, address: str, port: int) -> uvicorn.Server:
    """Serve the API from a thread of its own, as long as the process lives or until `should_exit`."""
    config = uvicorn.Config(shop_app(shop), host=address, port=port, log_config=None, access_log=False, lifespan="off")
    server = _Server(config)
    threading.Thread(target=server.run, name="shop", daemon=True).start()
    return server


def _saved(shop: Shop, work: Callable[[], _T]) -> _T:
    done = work()
    shop.save()
    return done


def _found(order: Bought | None) -> Bought:
    if order is None:
        raise HTTPException(404)
    return order


def _shown(offer: Offer) -> dict[str, Any]:
    return {
        "number": offer.number,
        "kind": offer.kind.value,
        "country": offer.country,
        "place": offer.place,
        "can": sorted(offer.can),
        "currency": offer.price.currency,
        "once_micro": offer.price.once_micro,
        "monthly_micro": offer.price.monthly_micro,
    }
