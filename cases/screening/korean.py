"""Korean syllables behind Latin letters.

One name has many spellings: McCune-Reischauer (with its marks lost), Revised, the DPRK's own,
and what people put on business cards. A spelling is therefore read as the *set* of Hangul
syllables that it may stand for, and two spellings agree when their sets meet. A syllable that
does not agree is another syllable, and the name another person's.
"""

from functools import lru_cache
from itertools import product

_INITIALS: list[tuple[str, ...]] = [
    ("g", "k"), ("kk", "gg"), ("n",), ("d", "t"), ("tt", "dd"), ("r", "l"), ("m",), ("b", "p"),
    ("pp", "bb"), ("s",), ("ss",), ("",), ("j", "ch", "tch", "dj"), ("jj", "tch"),
    ("ch", "tch", "tsch"), ("k",), ("t", "th"), ("p", "ph"), ("h",),
]  # fmt: skip
_MEDIALS: list[tuple[str, ...]] = [
    ("a", "ah"), ("ae", "ai", "ay"), ("ya", "yah"), ("yae",), ("eo", "o", "u", "eou"),
    ("e", "eh"), ("yeo", "yo", "you", "yu", "yeou", "eo"), ("ye", "yeh"), ("o", "oh"),
    ("wa",), ("wae", "wai"), ("oe", "oi", "we", "oy", "woe"), ("yo", "yoh"), ("u", "oo", "ou"),
    ("wo", "weo"), ("we",), ("wi", "ui"), ("yu", "yoo", "you"), ("eu", "u"),
    ("ui", "eui", "ee", "i", "y"), ("i", "ee", "y"),
]  # fmt: skip
# Finals that names use: none, k, n, t, l, m, p, ng, with their index in Unicode's row of 28.
_FINALS: dict[int, tuple[str, ...]] = {
    0: ("",), 1: ("k", "g", "ck", "c"), 4: ("n",), 7: ("t", "d"), 8: ("l", "r"), 16: ("m",),
    17: ("p", "b"), 19: ("t", "s"), 21: ("ng",),
}  # fmt: skip
_SILENT = 11  # the initial that is only a place holder
_SPECIAL = {
    # spelling: the syllables it may also stand for
    "lee": "이리", "yi": "이", "rhee": "이리", "ri": "리이", "li": "리이", "rhi": "이리", "ee": "이",
    "park": "박", "pak": "박", "bak": "박", "bark": "박", "choi": "최", "choe": "최", "choy": "최",
    "noh": "노로", "roh": "노로", "ro": "노로", "no": "노로", "rho": "노로",
    "lim": "임림", "rim": "임림", "im": "임림", "yim": "임림", "leem": "임림", "rhim": "임림",
    "ryu": "유류", "yoo": "유류", "yu": "유류", "you": "유류", "lyu": "유류", "ryoo": "유류", "rhyu": "유류",
    "ryang": "양량", "yang": "양량", "ryom": "염렴", "yom": "염렴", "yeom": "염렴", "youm": "염렴",
    "ryo": "여려", "ra": "나라", "na": "나라", "rah": "나라", "nah": "나라",
    "an": "안", "ahn": "안", "o": "오", "oh": "오", "u": "우", "woo": "우", "wu": "우",
    "kim": "김", "gim": "김", "geem": "김", "shin": "신", "sin": "신", "sim": "심", "shim": "심",
    "jang": "장", "chang": "장창", "djang": "장", "jeon": "전", "jun": "전준", "chun": "전천춘준",
    "chon": "전천촌존", "koo": "구", "ku": "구", "goo": "구", "gu": "구", "whang": "황", "hwang": "황",
    "paik": "백", "paek": "백", "baek": "백", "baik": "백", "back": "백", "moon": "문", "mun": "문",
    "suh": "서", "seo": "서", "so": "서소", "soh": "서소", "kwon": "권", "gwon": "권", "kwak": "곽",
    "gwak": "곽", "cha": "차자", "joo": "주", "chu": "주추", "choo": "주추", "ju": "주", "cho": "조초",
    "jo": "조", "joh": "조", "chung": "정청충중", "jung": "정중증", "jeong": "정", "jong": "정종",
    "cheong": "정청", "chong": "정종청총", "hee": "희", "hui": "희휘", "hi": "희", "hy": "희",
    "ryong": "룡용령", "ryon": "련연", "ryol": "렬열", "woong": "웅", "wook": "욱", "uk": "욱억옥",
    "ok": "옥억", "sook": "숙", "soo": "수", "su": "수서", "yun": "윤연", "yoon": "윤", "youn": "윤연",
    "yon": "연", "young": "영", "yong": "용영룡", "yeong": "영", "won": "원", "yop": "엽", "yob": "엽",
    "seung": "승", "sung": "성승숭", "hack": "학", "hak": "학",
}  # fmt: skip

FAMILY_SYLLABLES = frozenset(
    "김이리박백최정강조윤장임림오한신서권황안송류유홍전고문손양량배백허남심노로하곽성차주우구나라민"
    "진지엄채원천방공현함변염렴여려추도소석선설마길연위표명기반왕금옥육인맹제모탁국어은편용봉태계"
    "피두감음동온빈경사부가복목형승간상시갈좌팽범대담당화아"
)


def _char(initial: int, medial: int, final: int) -> str:
    return chr(0xAC00 + (initial * 21 + medial) * 28 + final)


def _readings() -> dict[str, frozenset[str]]:
    table: dict[str, set[str]] = {}
    for (i, heads), (m, vowels), (f, tails) in product(
        enumerate(_INITIALS), enumerate(_MEDIALS), _FINALS.items()
    ):
        char = _char(i, m, f)
        for head, vowel, tail in product(heads, vowels, tails):
            if vowel == "y" and (tail or not head):
                continue
            spellings = [head + vowel + tail]
            if head == "s" and vowel[0] in "iewy":
                spellings.append("sh" + vowel + tail)
            if i == _SILENT and vowel in ("oo", "u", "ou"):
                spellings.append("woo" + tail)
            if i == _SILENT and vowel in ("i", "ee"):
                spellings.append("yi" + tail)
            for spelling in spellings:
                table.setdefault(spelling, set()).add(char)
    for spelling, chars in _SPECIAL.items():
        table.setdefault(spelling, set()).update(chars)
    return {spelling: frozenset(chars) for spelling, chars in table.items()}


READINGS = _readings()
_LONGEST = max(map(len, READINGS))
_RR_INITIALS = [
    "g",
    "kk",
    "n",
    "d",
    "tt",
    "r",
    "m",
    "b",
    "pp",
    "s",
    "ss",
    "",
    "j",
    "jj",
    "ch",
    "k",
    "t",
    "p",
    "h",
]
_RR_MEDIALS = (
    ["a", "ae", "ya", "yae", "eo", "e", "yeo", "ye", "o", "wa", "wae", "oe", "yo", "u", "wo", "we", "wi", "yu", "eu", "ui", "i"]
)  # fmt: skip
_RR_FINALS = [
    "",
    "k",
    "k",
    "k",
    "n",
    "n",
    "n",
    "t",
    "l",
    "k",
    "m",
    "l",
    "l",
    "l",
    "p",
    "l",
    "m",
    "p",
    "p",
    "t",
    "t",
    "ng",
    "t",
    "t",
    "k",
    "t",
    "p",
    "t",
]


def is_hangul(char: str) -> bool:
    return "\uac00" <= char <= "\ud7a3"


def romanise(char: str) -> str:
    """The Revised spelling of one Hangul syllable."""
    code = ord(char) - 0xAC00
    return _RR_INITIALS[code // 588] + _RR_MEDIALS[code % 588 // 28] + _RR_FINALS[code % 28]


Syllable = tuple[str, frozenset[str]]


@lru_cache(maxsize=65_536)
def split(token: str) -> tuple[tuple[Syllable, ...], ...]:
    """Every way (the likeliest few) to read `token` as one to three Korean syllables."""
    if not token or len(token) > 3 * _LONGEST:
        return ()
    if all(map(is_hangul, token)):
        return (tuple((c, frozenset(c)) for c in token),) if len(token) <= 4 else ()
    found: list[tuple[Syllable, ...]] = []

    def walk(at: int, sofar: tuple[Syllable, ...]) -> None:
        if at == len(token):
            found.append(sofar)
            return
        if len(sofar) == 3:
            return
        for end in range(min(len(token), at + _LONGEST), at, -1):
            chars = READINGS.get(token[at:end])
            if chars:
                walk(end, (*sofar, (token[at:end], chars)))

    walk(0, ())
    fewest = min(map(len, found), default=0)
    found = sorted((f for f in found if len(f) == fewest), key=_vowel_heads)
    return tuple(found[:4])


def _vowel_heads(reading: tuple[Syllable, ...]) -> int:
    """Inner syllables that begin with a vowel: the more, the less likely the cut."""
    return sum(spelling[0] in "aeiou" for spelling, _ in reading[1:])


Reading = tuple[Syllable, ...]


@lru_cache(maxsize=65_536)
def read_name(tokens: tuple[str, ...]) -> tuple[Reading, ...]:
    """The ways to read a whole name as Korean, family name first; empty when it is not one.

    Two to four syllables, of which the first or the last token is a family name. What was
    written last may be the family name, so both orders are given when both are possible.
    """
    if not 1 <= len(tokens) <= 4 or sum(map(len, tokens)) > 20:
        return ()
    if len(tokens) == 1:
        if not all(map(is_hangul, tokens[0])) or not 2 <= len(tokens[0]) <= 4:
            return ()
        return split(tokens[0])
    parts = [split(token) for token in tokens]
    if not all(parts):
        return ()
    readings: list[Reading] = []
    for combination in product(*parts):
        count = sum(map(len, combination))
        if not 2 <= count <= 4:
            continue
        first, last = combination[0], combination[-1]
        if len(first) == 1 and first[0][1] & FAMILY_SYLLABLES:
            readings.append(tuple(s for part in combination for s in part))
        if len(last) == 1 and last[0][1] & FAMILY_SYLLABLES:
            moved = (combination[-1], *combination[:-1])
            readings.append(tuple(s for part in moved for s in part))
    return tuple(dict.fromkeys(readings))[:6]


def keys(reading: Reading) -> frozenset[str]:
    """Keys under which this reading is found, whatever the order of its syllables."""
    total = 1
    for _, chars in reading:
        total *= len(chars)
    if total > 256:
        return frozenset()
    return frozenset(
        "".join(sorted(combination)) for combination in product(*(c for _, c in reading))
    )


def agree(one: Reading, other: Reading) -> tuple[int, int]:
    """How many syllables agree in place, and how many of those are spelled alike."""
    same = spelled = 0
    for (a, chars_a), (b, chars_b) in zip(one, other, strict=False):
        if a == b or chars_a & chars_b:
            same += 1
            spelled += a == b
    return same, spelled


@lru_cache(maxsize=262_144)
def same_word(one: str, other: str) -> bool:
    """Two Latin words that are the same Korean word of two or three syllables."""
    if one[0] == other[0] and one == other:
        return True
    for a in split(one):
        if len(a) < 2:
            continue
        for b in split(other):
            if len(a) == len(b) and agree(a, b)[0] == len(a):
                return True
    return False
