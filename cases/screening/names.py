"""Names as tokens that can be compared: scripts, marks, particles, legal forms, sound.

No ICU: what a sanctions list and a freelance platform need is Latin with marks, Cyrillic, Greek
and Hangul, and those are tables that fit here. Other scripts are kept as they are and compared
letter by letter.
"""

import re
import unicodedata
from functools import lru_cache

from rapidfuzz.distance import OSA, JaroWinkler

from cases.screening import korean

_CYRILLIC = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґўјљњћђџќѓѕ",
        "a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch  y  e yu ya i i ye g u j lj "
        "nj c dj dz k g dz".split(" "),
        strict=True,
    )
)
_GREEK = dict(
    zip("αβγδεζηθικλμνξοπρσςτυφχψω", "a v g d e z i th i k l m n x o p r s s t y f ch ps o".split(),
        strict=True)
)  # fmt: skip
_LATIN = {
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l",
    "ı": "i", "ħ": "h", "ŋ": "ng", "ə": "a", "ʻ": "", "ʼ": "", "’": "", "‘": "", "'": "", "`": "", "´": "",
    "ʿ": "", "ʾ": "", "&": " and ", "+": " ", "@": " ", "ь": "", "ъ": "",
}  # fmt: skip
_TABLE = {ord(k): v for k, v in (_CYRILLIC | _GREEK | _LATIN).items()}
_WORD = re.compile(r"[^\W_]+")

PARTICLES = frozenset(
    "al el ul bin ibn bint ben abu abou abd de del della di da dos das van von der den la le las "
    "los y i e the of and for in at und et zu st mr mrs ms dr haji hajji sheikh shaykh mullah "
    "maulavi maulawi qari sayyid sayed ust".split()
)
LEGAL_FORMS = frozenset(
    "co company corp corporation inc incorporated ltd limited llc llp lp plc gmbh ag sa sas sarl "
    "srl spa bv nv oy ab as aps kk kg kft doo dooel ooo oao zao pao ao ooo tov sp zoo sro spol "
    "pte pty pvt private public jsc ojsc pjsc cjsc joint stock fze fzco fzc fz dmcc est "
    "establishment holding holdings group sal offshore offsore cooperation coop bhd sdn eurl "
    "limitada ltda cv de rl".split()
)
_SAME_WORDS = {
    "information technology": "it", "technologies": "technology", "tech": "technology",
    "intl": "international", "int": "international", "internationals": "international",
    "trdg": "trading", "mfg": "manufacturing", "dev": "development", "univ": "university",
    "gen": "general", "bros": "brothers", "eng": "engineering", "natl": "national",
    "comm": "commercial", "exp": "export", "imp": "import", "dept": "department",
}  # fmt: skip
_PHRASE = re.compile(r"\binformation technology\b")


@lru_cache(maxsize=131_072)
def normalise(text: str) -> str:
    """Lower-case Latin words, one space between; Hangul and unknown scripts keep their letters."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_TABLE)
    if not folded.isascii():
        # Hangul would fall apart into its letters: take only the marks off the rest.
        folded = "".join(
            char if korean.is_hangul(char) else _unmarked(char) for char in folded
        ).translate(_TABLE)
    return " ".join(_WORD.findall(folded))


@lru_cache(maxsize=4_096)
def _unmarked(char: str) -> str:
    decomposed = unicodedata.normalize("NFKD", char)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def romanised(tokens: tuple[str, ...]) -> tuple[str, ...]:
    """Hangul tokens in Latin letters, for readers and for companies."""
    return tuple(
        "".join(korean.romanise(c) if korean.is_hangul(c) else c for c in token) for token in tokens
    )


def tokens(text: str) -> tuple[str, ...]:
    """The words of a name; "FAMILY, Given", hyphens and everyday abbreviations do not matter."""
    words = _PHRASE.sub("it", normalise(text)).split()
    return tuple(_SAME_WORDS.get(word, word) for word in _joined_forms(words))


def _joined_forms(words: list[str]) -> list[str]:
    """ "L.L.C." and "S.A.R.L." are single words; other initials stay initials."""
    out: list[str] = []
    at = 0
    while at < len(words):
        end = at
        while end < len(words) and len(words[end]) == 1:
            end += 1
        joined = "".join(words[at:end])
        if len(joined) > 1 and joined in LEGAL_FORMS:
            out.append(joined)
            at = end
        else:
            out.append(words[at])
            at += 1
    return out


_SOUNDS = [
    (re.compile(pattern), to)
    for pattern, to in [
        (r"^(?:kn|gn)", "n"), (r"^wr", "r"), (r"ph", "f"), (r"(?:tch|tsch|tsh|ch|cz)", "c"),
        (r"(?:dzh|dj|zh|j|dg(?=[ei]))", "j"), (r"(?:shch|sch|sh|sz)", "s"), (r"kh|gh|q", "k"),
        (r"ck", "k"), (r"c(?=[aou]|$)", "k"), (r"x", "ks"), (r"(?:ts|tz|z)", "s"),
        (r"th|dt", "t"), (r"w", "v"), (r"ou|oo", "u"), (r"y", "i"),
        (r"(?<=.)h", ""),
    ]
]  # fmt: skip
_VOWELS = re.compile(r"(?<=.)[aeiou]+")
_DOUBLES = re.compile(r"(.)\1+")


@lru_cache(maxsize=131_072)
def sound(token: str) -> str:
    """A key that spellings of one sound share: consonants in order, and a vowel at the beginning."""
    if not token.isascii() or token.isdigit():
        return token
    key = token
    for pattern, to in _SOUNDS:
        key = pattern.sub(to, key)
    key = _DOUBLES.sub(r"\1", _VOWELS.sub("", key))
    return ("a" + key[1:]) if key[:1] in "aeiou" and key else key


@lru_cache(maxsize=524_288)
def likeness(one: str, other: str) -> float:
    """How alike two words are, 0 to 1; below 0.75 is called nothing."""
    if one == other:
        return 1.0
    shorter, longer = sorted((len(one), len(other)))
    if shorter < 3 or one[0].isdigit() or other[0].isdigit():
        return 0.0
    distance = OSA.distance(one, other, score_cutoff=3)
    if distance > 3:
        best = 0.0
    elif sound(one) == sound(other) and distance <= max(1, longer // 3):
        best = 0.95 if distance == 1 else 0.91
    elif shorter == 3:
        best = 0.0
    elif distance == 1:
        best = 0.80 if shorter == 4 else 0.86 if shorter < 7 else 0.90
        if one[0] != other[0]:
            best -= 0.08
    elif distance == 2 and shorter >= 7:
        best = 0.82 if JaroWinkler.similarity(one, other) >= 0.90 else 0.75
    else:
        best = 0.0
    if best < 0.92 and shorter >= 5 and korean.same_word(one, other):
        best = 0.92
    return best
