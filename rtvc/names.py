"""Names and words of our days that neither the dictionary nor the network for unknown words says rightly.

In misaki's alphabet; as newsreaders of English say them. Their plurals, possessives and other forms follow by rule, and
a small letter at the beginning, or all letters in capitals, makes no difference.
"""

from __future__ import annotations

NAMES = {
    # makers, shops and services
    "Huawei": "hwˈɑwˌA", "Xiaomi": "ʃˈWmi", "Airbnb": "ˌɛɹbiˌɛnbˈi", "ASUS": "əsˈus", "Adidas": "ədˈidəs",
    "Hyundai": "hˈʌndˌA", "Porsche": "pˈɔɹʃə", "Peugeot": "puʒˈO", "Renault": "ɹənˈO", "Skoda": "skˈOdə",
    "Ikea": "Ikˈiə", "Givenchy": "ʒivɑnʃˈi", "Versace": "vəɹsˈɑʧi", "Chanel": "ʃənˈɛl", "Hublot": "ublˈO",
    "Balenciaga": "bəlˌɛnsiˈɑɡə", "Moschino": "mɑskˈinO", "Bvlgari": "bˈʊlɡəɹi", "Fujitsu": "fuʤˈitsu",
    "Hitachi": "hɪtˈɑʧi", "Asahi": "əsˈɑhi", "Redis": "ɹˈɛdɪs", "JSON": "ʤˈAsən", "YAML": "jˈæməl", "TOML": "tˈɑməl",
    "async": "ˈAsˌɪŋk", "config": "kˈɑnfɪɡ", "SQLite": "ˌɛskjˌuˌɛlˈIt", "nginx": "ˌɛnʤɪnˈɛks", "chmod": "ʧmˈɑd",
    "mkdir": "mˈAkdˌɪɹ", "pytest": "pˈItˌɛst", "Jupyter": "ʤˈupɪTəɹ", "CUDA": "kˈudə", "Qwen": "kwˈɛn",
    "Kubernetes": "kˌubəɹnˈɛTiz", "PostgreSQL": "pˈOstɡɹɛskjˌuˌɛl", "GitHub": "ɡˈɪthˌʌb", "GitLab": "ɡˈɪtlˌæb",
    "OAuth": "ˈOˌɔθ", "Temu": "tˈimu", "Shein": "ʃˈiˌɪn", "Weibo": "wˈAbO", "WeChat": "wˈiʧˌæt", "Baidu": "bˈIdˌu",
    "PayPal": "pˈApˌæl", "WhatsApp": "wˈʌtsˌæp", "Binance": "bˈInˌæns", "Tencent": "tˈɛnsˌɛnt", "DeFi": "dˈifˌI",
    "Ozempic": "Ozˈɛmpɪk", "semaglutide": "sˌɛməɡlˈutId", "Lidl": "lˈidᵊl", "DeepSeek": "dˈipsˌik",
    "TypeScript": "tˈIpskɹˌɪpt",
    # food, fashions and talk
    "acai": "əsˌIˈi", "bougie": "bˈuʒi", "boujee": "bˈuʒi", "gyoza": "ɡiˈOzə", "lmao": "ləmˈW", "thali": "tˈɑli",
    "jamon": "hɑmˈOn", "tteokbokki": "tˈʌkbˌOki", "gochujang": "ɡˈOʧuʤˌɑŋ", "xiaolongbao": "ʃˌWlɔŋbˈW",
    "bechamel": "bˌAʃəmˈɛl", "coq": "kˈOk", "bourguignon": "bˌʊɹɡinjˈOn", "ciabatta": "ʧəbˈɑTə", "gnocchi": "njˈOki",
    "eclair": "Aklˈɛɹ", "PaaS": "pˈæs", "IaaS": "ˈIæs", "eSIM": "ˈisˌɪm", "nepo": "nˈɛpO", "tsundere": "tsundˈɛɹA",
    "isekai": "ˈisəkˌI", "waifu": "wˈIfu",
    # people of the news, of books and of games
    "Kanye": "kˈɑnjA", "Zendaya": "zɛndˈAə", "Daenerys": "dənˈɛɹɪs", "Khaleesi": "kəlˈisi", "Hermione": "hɜɹmˈIəni",
    "Geralt": "ɡˈɛɹəlt", "Ciri": "sˈiɹi", "Cthulhu": "kəθˈulu", "Targaryen": "tɑɹɡˈɛɹiən", "Erdogan": "ˈɛɹdəwˌɑn",
    "Netanyahu": "nˌɛtənjˈɑhu", "Duterte": "dutˈɛɹtA", "Meloni": "məlˈOni", "Sunak": "sˈunæk", "Pichai": "pɪʧˈI",
    "Ardern": "ɑɹdˈɜɹn", "Trudeau": "tɹudˈO", "Pikachu": "pˈikəʧˌu", "Yves": "ˈiv", "Ahmed": "ˈɑmɛd",
    "Khadija": "kədˈiʤə", "Hussein": "husˈAn", "Aisha": "iˈɪʃə", "Ibrahim": "ˈɪbɹəhˌim", "Mukherjee": "mˈʊkəɹʤi",
    "Suresh": "sʊɹˈɛʃ", "Patel": "pətˈɛl", "Macron": "mɑkɹˈOn", "Rousseau": "ɹusˈO", "Camus": "kæmˈu",
    "Foucault": "fukˈO", "Derrida": "dˌɛɹɪdˈɑ", "Proust": "pɹˈust", "Depardieu": "dˌɛpɑɹdjˈu", "Guillaume": "ɡijˈOm",
    "Benoit": "bənwˈɑ", "Thibault": "tibˈO", "Lefebvre": "ləfˈɛvɹə", "Leclerc": "ləklˈɛɹ", "Mbappe": "əmbɑpˈA",
    "Giuseppe": "ʤusˈɛpi", "Giovanni": "ʤOvˈɑni", "Chiara": "kiˈɑɹə", "Luigi": "luˈiʤi", "Bianchi": "biˈɑŋki",
    "Gianluca": "ʤɑnlˈukə", "Guardiola": "ɡwˌɑɹdiˈOlə", "Mourinho": "mɔɹˈinjO", "Xavi": "ʧˈɑvi", "Joao": "ʒwˈW",
    "Joaquim": "ʒwɑkˈim", "Guimaraes": "ɡˌimɑɹˈInʃ", "Neymar": "nAmˈɑɹ", "Nadal": "nədˈɑl", "Alcaraz": "ˌælkəɹˈɑz",
    "Lewandowski": "lˌɛvəndˈɔfski", "Wojciech": "vˈYʧɛk", "Kowalski": "kəvˈɑlski", "Walesa": "vəwˈɛnsə",
    "Kaczynski": "kəʧˈɪnski", "Krzysztof": "kʃˈɪʃtɔf", "Gdansk": "ɡədˈænsk", "Lodz": "wˈuʤ", "Wroclaw": "vɹˈɔtswɑf",
    "Swiatek": "ʃfjˈɔntɛk", "Yevgeny": "jɛvɡˈɛni", "Mikhail": "mˌikhˈIl", "Dostoevsky": "dˌɑstəjˈɛfski",
    "Dostoyevsky": "dˌɑstəjˈɛfski", "Chekhov": "ʧˈɛkɔf", "Tolstoy": "tˈOlstY", "Tchaikovsky": "ʧIkˈɔfski",
    "Dvorak": "dvˈɔɹʒæk", "Goethe": "ɡˈɜɹtə", "Djokovic": "ʤˈOkəvɪʧ", "Medvedev": "mɪdvjˈɛdɛf",
    "Sabalenka": "sˌæbəlˈɛŋkə", "Rybakina": "ɹɪbˈɑkɪnə", "Verstappen": "fəɹstˈɑpən", "Tchouameni": "ʧwˌɑmAnˈi",
    "Hulkenberg": "hˈʊlkənbˌɜɹɡ", "Jurgen": "jˈɜɹɡən", "Schroder": "ʃɹˈɜɹdəɹ", "Scholz": "ʃˈɔlts", "Merz": "mˈɛɹts",
    "Schrodinger": "ʃɹˈOdɪŋəɹ", "Schroedinger": "ʃɹˈOdɪŋəɹ", "Haydn": "hˈIdən", "Beethoven": "bˈAtˌOvən",
    "Mozart": "mˈOtsɑɹt", "Goebbels": "ɡˈɜɹbəlz", "Mikkelsen": "mˈɪkəlsən", "Ingrid": "ˈɪŋɡɹɪd", "Haaland": "hˈɑlənd",
    "Siobhan": "ʃɪvˈɔn", "Saoirse": "sˈɪɹʃə", "Niamh": "nˈiv", "Caoimhe": "kwˈivə", "Aoife": "ˈifə", "Eoghan": "ˈOən",
    "Roisin": "ɹOʃˈin", "Sean": "ʃˈɔn", "Ciaran": "kˈiɹən", "Cillian": "kˈɪliən", "Tadhg": "tˈIɡ", "Sinead": "ʃɪnˈAd",
    "Rhys": "ɹˈis", "Dafydd": "dˈævɪð", "Ffion": "fˈiɑn", "Llewellyn": "luˈɛlɪn", "Hamish": "hˈAmɪʃ",
    "Eilidh": "ˈAli", "Ruaridh": "ɹˈɔɹi", "Menzies": "mˈɛnziz", "Cockburn": "kˈObəɹn", "Beauchamp": "bˈiʧəm",
    "Featherstonehaugh": "fˈænʃɔ", "Cholmondeley": "ʧˈʌmli", "Nguyen": "wˈɪn", "Phuong": "fˈuɔŋ", "Xi": "ʃˈi",
    "xi": "zˈI", "Jinping": "ʤˌɪnpˈɪŋ", "Xiaoping": "ʃˌWpˈɪŋ", "Xu": "ʃˈu", "Qiu": "ʧˈu", "Cao": "tsˈW",
    "Cai": "tsˈI", "Hsiao": "ʃˈW", "Zhang": "ʤˈɑŋ", "Zhao": "ʤˈW", "Liu": "ljˈu", "Murakami": "mˌʊɹəkˈɑmi",
    "Miyazaki": "mˌijəzˈɑki", "Takeshi": "tɑkˈɛʃi", "Haruki": "hɑɹˈuki", "Hyun": "hjˈʌn", "Seung": "sˈʌŋ",
    "Busan": "bˈusɑn",
    # places
    "Yosemite": "jOsˈɛmᵻTi", "Marylebone": "mˈɑɹləbən", "Southwark": "sˈʌðəɹk", "Holborn": "hˈObəɹn",
    "Magdalen": "mˈɔdlɪn", "Mackinac": "mˈækɪnˌɔ", "Puyallup": "pjuˈæləp", "Sequim": "skwˈɪm", "Kyiv": "kˈiv",
    "Phnom": "pənˈɔm", "Zaporizhzhia": "zˌɑpəɹˈiʒə", "Medellin": "mˌɛdəjˈin", "Yucatan": "jˌukətˈɑn",
    "Buenos": "bwˈAnəs", "Chichen": "ʧiʧˈɛn", "Xi'an": "ʃiˈɑn", "Oaxaca": "wəhˈɑkə", "Reykjavik": "ɹˈAkjəvˌɪk",
    "Lviv": "lvˈiv",
}  # fmt: skip
