"""What symbols, units and currencies are called."""

from __future__ import annotations

# unit: (one, several); "a/b" is read as "a per b"
UNITS = {
    "km": ("kilometer", "kilometers"), "m": ("meter", "meters"), "dm": ("decimeter", "decimeters"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"), "µm": ("micrometer", "micrometers"), "nm": ("nanometer", "nanometers"),
    "mi": ("mile", "miles"), "yd": ("yard", "yards"), "ft": ("foot", "feet"), "inch": ("inch", "inches"),
    "kg": ("kilogram", "kilograms"), "g": ("gram", "grams"), "mg": ("milligram", "milligrams"),
    "µg": ("microgram", "micrograms"), "mcg": ("microgram", "micrograms"), "t": ("ton", "tons"),
    "lb": ("pound", "pounds"), "lbs": ("pound", "pounds"), "oz": ("ounce", "ounces"),
    "l": ("liter", "liters"), "L": ("liter", "liters"), "ml": ("milliliter", "milliliters"),
    "mL": ("milliliter", "milliliters"), "cl": ("centiliter", "centiliters"), "dl": ("deciliter", "deciliters"),
    "dL": ("deciliter", "deciliters"), "µL": ("microliter", "microliters"), "gal": ("gallon", "gallons"),
    "pt": ("pint", "pints"), "qt": ("quart", "quarts"), "fl oz": ("fluid ounce", "fluid ounces"),
    "fl. oz": ("fluid ounce", "fluid ounces"), "cc": ("cubic centimeter", "cubic centimeters"),
    "tsp": ("teaspoon", "teaspoons"), "tbsp": ("tablespoon", "tablespoons"),
    "h": ("hour", "hours"), "hr": ("hour", "hours"), "hrs": ("hour", "hours"), "min": ("minute", "minutes"),
    "mins": ("minute", "minutes"), "s": ("second", "seconds"), "sec": ("second", "seconds"),
    "secs": ("second", "seconds"), "ms": ("millisecond", "milliseconds"), "µs": ("microsecond", "microseconds"),
    "ns": ("nanosecond", "nanoseconds"), "d": ("day", "days"), "mo": ("month", "months"), "mos": ("month", "months"),
    "yr": ("year", "years"), "yrs": ("year", "years"), "wk": ("week", "weeks"), "wks": ("week", "weeks"),
    "mph": ("mile per hour", "miles per hour"), "kph": ("kilometer per hour", "kilometers per hour"),
    "kmh": ("kilometer per hour", "kilometers per hour"), "rpm": ("revolution per minute", "revolutions per minute"),
    "mpg": ("mile per gallon", "miles per gallon"),
    "bpm": ("beat per minute", "beats per minute"), "fps": ("frame per second", "frames per second"),
    "Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"), "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"), "dB": ("decibel", "decibels"), "W": ("watt", "watts"),
    "kW": ("kilowatt", "kilowatts"), "MW": ("megawatt", "megawatts"), "GW": ("gigawatt", "gigawatts"),
    "Wh": ("watt hour", "watt hours"), "kWh": ("kilowatt hour", "kilowatt hours"), "V": ("volt", "volts"),
    "kV": ("kilovolt", "kilovolts"), "mV": ("millivolt", "millivolts"),
    "mA": ("milliamp", "milliamps"), "mAh": ("milliamp hour", "milliamp hours"), "Ω": ("ohm", "ohms"),
    "kΩ": ("kilohm", "kilohms"), "N": ("newton", "newtons"), "Nm": ("newton meter", "newton meters"),
    "J": ("joule", "joules"), "kJ": ("kilojoule", "kilojoules"), "mol": ("mole", "moles"),
    "cal": ("calorie", "calories"), "kcal": ("kilocalorie", "kilocalories"), "Pa": ("pascal", "pascals"),
    "hPa": ("hectopascal", "hectopascals"), "kPa": ("kilopascal", "kilopascals"),
    "psi": ("pound per square inch", "pounds per square inch"), "ppm": ("part per million", "parts per million"),
    "mmHg": ("millimeter of mercury", "millimeters of mercury"), "lm": ("lumen", "lumens"),
    "KB": ("kilobyte", "kilobytes"), "kB": ("kilobyte", "kilobytes"), "MB": ("megabyte", "megabytes"),
    "GB": ("gigabyte", "gigabytes"), "TB": ("terabyte", "terabytes"), "PB": ("petabyte", "petabytes"),
    "MiB": ("mebibyte", "mebibytes"), "GiB": ("gibibyte", "gibibytes"), "MP": ("megapixel", "megapixels"),
    "Mbps": ("megabit per second", "megabits per second"), "Gbps": ("gigabit per second", "gigabits per second"),
    "kbps": ("kilobit per second", "kilobits per second"), "px": ("pixel", "pixels"), "ha": ("hectare", "hectares"),
    "pct": ("percent", "percent"), "%": ("percent", "percent"), "‰": ("per mille", "per mille"),
}  # fmt: skip
AREAS = {"m", "km", "cm", "mm", "ft", "in", "mi", "yd", "inch"}  # units of length that are squared and cubed
# what a price or a rate is counted by: "$5/mo" is five dollars a month
EACH = {
    "mo": "a month", "mth": "a month", "yr": "a year", "y": "a year", "wk": "a week", "d": "a day", "hr": "an hour",
    "h": "an hour", "min": "a minute", "s": "a second", "sec": "a second", "lb": "a pound", "kg": "a kilogram",
    "oz": "an ounce", "g": "a gram", "gal": "a gallon", "l": "a liter", "L": "a liter", "m": "a meter", "ft": "a foot",
    "mi": "a mile", "km": "a kilometer", "GB": "a gigabyte", "TB": "a terabyte", "kWh": "a kilowatt hour",
    "MWh": "a megawatt hour", "ea": "each", "pp": "per person", "bbl": "a barrel", "sq ft": "a square foot",
    "sqft": "a square foot", "sq. ft": "a square foot", "t": "a ton", "pt": "a pint", "qt": "a quart",
}  # fmt: skip
# symbol or code: (one, several, one hundredth, hundredths)
_CENTS = ("cent", "cents")
CURRENCIES = {
    "$": ("dollar", "dollars", *_CENTS), "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", *_CENTS), "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"), "₩": ("won", "won", "jeon", "jeon"),
    "₽": ("ruble", "rubles", "kopek", "kopeks"), "₿": ("bitcoin", "bitcoins", *_CENTS),
    "₺": ("lira", "lira", "kurush", "kurush"), "₴": ("hryvnia", "hryvnias", "kopek", "kopeks"),
    "₪": ("shekel", "shekels", "agora", "agorot"), "฿": ("baht", "baht", "satang", "satang"),
    "₫": ("dong", "dong", "hao", "hao"), "₦": ("naira", "naira", "kobo", "kobo"),
    "₱": ("peso", "pesos", "centavo", "centavos"),
    "USD": ("U S dollar", "U S dollars", *_CENTS), "US$": ("U S dollar", "U S dollars", *_CENTS),
    "A$": ("Australian dollar", "Australian dollars", *_CENTS), "AU$": ("Australian dollar", "Australian dollars", *_CENTS),
    "AUD": ("Australian dollar", "Australian dollars", *_CENTS),
    "C$": ("Canadian dollar", "Canadian dollars", *_CENTS), "CA$": ("Canadian dollar", "Canadian dollars", *_CENTS),
    "CAD": ("Canadian dollar", "Canadian dollars", *_CENTS),
    "NZ$": ("New Zealand dollar", "New Zealand dollars", *_CENTS),
    "HK$": ("Hong Kong dollar", "Hong Kong dollars", *_CENTS), "S$": ("Singapore dollar", "Singapore dollars", *_CENTS),
    "R$": ("real", "reais", "centavo", "centavos"), "BRL": ("real", "reais", "centavo", "centavos"),
    "MXN": ("Mexican peso", "Mexican pesos", "centavo", "centavos"), "ZAR": ("rand", "rand", *_CENTS),
    "CNY": ("yuan", "yuan", "fen", "fen"), "RMB": ("yuan", "yuan", "fen", "fen"),
    "SEK": ("Swedish krona", "Swedish kronor", "ore", "ore"), "NOK": ("Norwegian krone", "Norwegian kroner", "ore", "ore"),
    "DKK": ("Danish krone", "Danish kroner", "ore", "ore"), "kr": ("krona", "kronor", "ore", "ore"),
    "PLN": ("zloty", "zloty", "grosz", "groszy"), "BTC": ("bitcoin", "bitcoins", *_CENTS),
    "GBP": ("pound", "pounds", "penny", "pence"), "EUR": ("euro", "euros", *_CENTS),
    "CHF": ("Swiss franc", "Swiss francs", "centime", "centimes"), "JPY": ("yen", "yen", "sen", "sen"),
    "INR": ("rupee", "rupees", "paisa", "paise"), "Rs": ("rupee", "rupees", "paisa", "paise"),
    "Rs.": ("rupee", "rupees", "paisa", "paise"),
}  # fmt: skip
SYMBOLS = {
    "&": "and", "@": "at", "+": "plus", "=": "equals", "%": "percent", "±": "plus or minus", "×": "times",
    "÷": "divided by", "≈": "is about", "≠": "is not equal to", "≤": "is at most", "≥": "is at least",
    "√": "the square root of", "∞": "infinity", "°": "degrees", "§": "section", "¶": "paragraph", "©": "copyright",
    "→": "to", "⇒": "to", "$": "dollars", "£": "pounds", "€": "euros", "¥": "yen", "¢": "cents", "₹": "rupees",
    "#": "hash", "‰": "per mille", "♯": "sharp", "♭": "flat", "₩": "won", "₽": "rubles", "₿": "bitcoins",
    "←": "from", "↑": "up", "↓": "down", "↔": "to and from", "¬": "not", "∈": "in", "∑": "the sum of",
}  # fmt: skip
IN_ADDRESSES = {
    ".": "dot", "/": "slash", "-": "dash", "_": "underscore", "?": "question mark", "=": "equals", "&": "and",
    "#": "hash", "%": "percent", "+": "plus", "@": "at", ":": "colon", "~": "tilde", "\\": "backslash",
}  # fmt: skip
