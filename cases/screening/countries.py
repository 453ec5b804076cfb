"""Countries as lists write them, as two letters; what is not known stays in plain small letters."""

from cases.screening.names import normalise

_NAMES = """
AF afghanistan|AE united arab emirates,uae|AL albania|AM armenia|AO angola|AR argentina|AT austria
AU australia|AZ azerbaijan|BA bosnia and herzegovina|BD bangladesh|BE belgium|BF burkina faso
BG bulgaria|BH bahrain|BI burundi|BR brazil|BY belarus|CA canada
CD democratic republic of the congo,congo democratic republic of the,drc|CF central african republic
CG congo|CH switzerland|CI cote divoire,ivory coast|CM cameroon|CN china,peoples republic of china
CO colombia|CU cuba|CY cyprus|CZ czechia,czech republic|DE germany|DJ djibouti|DK denmark|DZ algeria
EC ecuador|EE estonia|EG egypt|ER eritrea|ES spain|ET ethiopia|FI finland|FR france
GB united kingdom,united kingdom of great britain and northern ireland,uk,great britain|GE georgia
GH ghana|GN guinea|GQ equatorial guinea|GR greece|GT guatemala|GW guinea bissau|HK hong kong
HN honduras|HR croatia|HT haiti|HU hungary|ID indonesia|IE ireland|IL israel|IN india|IQ iraq
IR iran,iran islamic republic of,islamic republic of iran|IT italy|JM jamaica|JO jordan|JP japan
KE kenya|KG kyrgyzstan|KH cambodia|KR south korea,korea south,republic of korea,korea republic of
KP north korea,korea north,democratic peoples republic of korea,dprk|KW kuwait|KZ kazakhstan
LA laos,lao peoples democratic republic|LB lebanon|LR liberia|LT lithuania|LU luxembourg|LV latvia
LY libya,state of libya|MA morocco|MD moldova,republic of moldova|ME montenegro|MK north macedonia
ML mali|MM burma,myanmar|MN mongolia|MR mauritania|MT malta|MX mexico|MY malaysia|MZ mozambique
NE niger|NG nigeria|NI nicaragua|NL netherlands|NO norway|NP nepal|NZ new zealand|OM oman|PA panama
PE peru|PH philippines|PK pakistan|PL poland|PS palestinian,palestine|PT portugal|PY paraguay
QA qatar|RO romania|RS serbia|RU russia,russian federation|RW rwanda|SA saudi arabia|SD sudan
SE sweden|SG singapore|SI slovenia|SK slovakia|SN senegal|SO somalia|SS south sudan
SY syria,syrian arab republic|TD chad|TH thailand|TJ tajikistan|TM turkmenistan|TN tunisia
TR turkey,turkiye|TT trinidad and tobago|TW taiwan|TZ tanzania,united republic of tanzania
UA ukraine|UG uganda|US united states,united states of america,usa|UZ uzbekistan|VE venezuela
VN vietnam,viet nam|XK kosovo|YE yemen|ZA south africa|ZW zimbabwe
"""
_CODES = {
    name.strip(): item[:2]
    for line in _NAMES.strip().splitlines()
    for item in line.split("|")
    for name in item[3:].split(",")
}


def code(text: str) -> str:
    """`KP` for "Korea, North", "DPRK" or "KP"; an unknown name as it was, in small letters."""
    text = text.strip()
    if len(text) == 2 and text.isalpha():
        return text.upper()
    plain = normalise(text)
    return _CODES.get(plain) or _CODES.get(plain.removeprefix("the ")) or plain
