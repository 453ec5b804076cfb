import json
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from signals import detectors, keys
from signals.models import Detector, DetectorKey


class Command(BaseCommand):
    help = (
        "Register and switch detectors and manage their keys.\n\n"
        "  manage.py detector register /detectors/login-watch --name 'Login watch'\n"
        "  manage.py detector key /detectors/login-watch          make a key, shown once\n"
        "  manage.py detector rotate /detectors/login-watch       new key, the oldest makes room\n"
        "  manage.py detector revoke PREFIX --reason 'left a laptop on the train'\n"
        "  manage.py detector switch /detectors/login-watch off --reason 'floods us'\n"
        "  manage.py detector list"
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.formatter_class = type(
            "Formatter", (parser.formatter_class,), {"_fill_text": lambda self, text, w, i: text}
        )
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="answer as JSON")
        verbs = parser.add_subparsers(dest="verb", required=True)
        register = verbs.add_parser("register", help="register a detector and make its first key")
        register.add_argument("source")
        register.add_argument("--name", default="")
        register.add_argument("--kind", choices=Detector.Kind.values, default="detector")
        register.add_argument("--typology", default="")
        register.add_argument("--allow", action="append", default=[], metavar="CODE")
        register.add_argument("--quota-per-minute", type=int)
        register.add_argument("--quota-per-day", type=int)
        register.add_argument("--no-key", action="store_true")
        for verb, what in (("key", "make a further key"), ("rotate", "make room and a key")):
            one = verbs.add_parser(verb, help=what)
            one.add_argument("source")
            one.add_argument("--days", type=int, help="days until it expires")
        revoke = verbs.add_parser("revoke", help="shut a key for good")
        revoke.add_argument("prefix")
        revoke.add_argument("--reason", default="")
        switch = verbs.add_parser("switch", help="on, shadow or off")
        switch.add_argument("source")
        switch.add_argument("state", choices=Detector.State.values)
        switch.add_argument("--reason", default="")
        verbs.add_parser("list", help="all detectors and their keys")

    def handle(self, *, verb: str, json: bool, **options) -> None:
        self.as_json = json
        try:
            getattr(self, f"_{verb}")(options)
        except Detector.DoesNotExist as exc:
            raise CommandError(f"there is no detector {options['source']}") from exc
        except DetectorKey.DoesNotExist as exc:
            raise CommandError(f"there is no key {options['prefix']}") from exc
        except ValidationError as exc:
            raise CommandError("; ".join(exc.messages)) from exc
        except keys.TooManyKeys as exc:
            raise CommandError(str(exc)) from exc

    def _register(self, options: dict) -> None:
        quotas = {
            name: options[name]
            for name in ("quota_per_minute", "quota_per_day")
            if options[name] is not None
        }
        detector = detectors.register(
            options["source"],
            actor=None,
            name=options["name"],
            kind=options["kind"],
            typology=options["typology"],
            allowed_indicators=options["allow"],
            **quotas,
        )
        if options["no_key"]:
            self._say({"source": detector.source}, f"registered {detector.source}")
        else:
            self._show(keys.make(detector, actor=None))

    def _key(self, options: dict) -> None:
        detector = Detector.objects.get(source=options["source"])
        self._show(keys.make(detector, actor=None, expires_at=_expiry(options["days"])))

    def _rotate(self, options: dict) -> None:
        detector = Detector.objects.get(source=options["source"])
        self._show(keys.rotate(detector, actor=None, expires_at=_expiry(options["days"])))

    def _revoke(self, options: dict) -> None:
        key = DetectorKey.objects.get(prefix=options["prefix"])
        keys.revoke(key, actor=None, reason=options["reason"])
        self._say({"revoked": key.prefix}, f"revoked {key.prefix} of {key.detector.source}")

    def _switch(self, options: dict) -> None:
        detector = Detector.objects.get(source=options["source"])
        detectors.switch(detector, options["state"], actor=None, reason=options["reason"])
        self._say(
            {"source": detector.source, "state": options["state"]},
            f"{detector.source} is {options['state']}",
        )

    def _list(self, options: dict) -> None:
        for detector in Detector.objects.prefetch_related("keys"):
            live = [key.prefix for key in detector.keys.all() if key.is_live]
            self._say(
                {"source": detector.source, "state": detector.state, "keys": live},
                f"{detector.source}  {detector.kind}  {detector.state}  keys: {', '.join(live)}",
            )

    def _show(self, new: keys.NewKey) -> None:
        source = new.key.detector.source
        expires = f"{new.key.expires_at:%Y-%m-%d}" if new.key.expires_at else "never"
        self._say(
            {"source": source, "key": new.text, "expires_at": expires},
            f"{new.text}\nThis is the key of {source} until {expires}. It is shown this once.",
        )

    def _say(self, machine: dict, human: str) -> None:
        self.stdout.write(json.dumps(machine) if self.as_json else human)


def _expiry(days: int | None):
    return None if days is None else timezone.now() + timedelta(days=days)
