"""Words that are written alike and said differently, where the tagger's word classes do not tell them apart."""

# ruff: noqa: E501 (a row is one line)
from __future__ import annotations

import re
from functools import cache, partial
from typing import NamedTuple

from .characters import unaccented
from .dictionary import LOANS, g2p
from .number_words import LETTER_A

TEENS = "ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen"
NUMBER_WORDS = rf"zero|two|three|four|five|six|seven|eight|nine|{TEENS}|(?:twen|thir|for|fif|six|seven|eigh|nine)ty"
END = r"(?=[,.;:!?—…]|$)"  # of a clause
HELPERS = (
    "to|will|would|can|can't|cannot|could|couldn't|should|shouldn't|must|may|might|shall|do|don't|does|doesn't|did|didn't|"
    "let's|please|Please|won't|wouldn't|I'll|we'll|you'll|they'll|he'll|she'll|it'll"
)
THEY = "I|we|you|they|We|You|They"
OBJECTS = (
    "the|a|an|your|my|his|her|our|their|its|it|this|that|these|those|him|them|us|me|you|himself|herself|themselves"
)
BE = "am|is|are|was|were|be|been|being|I'm|you're|we're|they're|he's|she's|it's|isn't|wasn't|aren't|weren't"
HAVE = "have|has|had|haven't|hasn't|hadn't|having|I've|we've|you've|they've|he'd|she'd"
MANNER = "never|ever|already|just|not|only|also|always|recently|since|finally|really|often|once|both|all|actually"

# (words before, the word, words after, phonemes, words anywhere in the sentence); empty: any. The first that fits counts.
HOMOGRAPHS: list[tuple[str, str, str, str] | tuple[str, str, str, str, str]] = [
    # the past of "read"; at the beginning it is asked to
    ("", "^Read", f"(?:{OBJECTS}|what|more|on|about|carefully|aloud|between|through|over|up|along|all|how|why|every|each|and)", "ɹˈid"),
    ("", "well-read", "", "wˈɛlɹˈɛd"),
    (f"(?<!did )(?<!does )(?<!will )(?<!can )(?<!could )(?<!would )(?<!should )(?:[Hh]e|[Ss]he|nobody|everyone) (?:{MANNER})", "read", "", "ɹˈɛd"),
    (f"(?:{HELPERS})(?: (?:{MANNER}|{THEY}|he|she|it|be able to))?", "read", "", "ɹˈid"),
    ("I'd|you'd|we'd|they'd", "read", "(?:[^.?!;]{0,40} )?(?:before|already|twice|somewhere|once)", "ɹˈɛd"),
    (f"(?:{HAVE}|{BE}|get|gets|got)(?: (?:{THEY}|he|she|it|been|{MANNER}|widely|well|never been))*", "read", "", "ɹˈɛd"),
    ("an?|good|great|quick|long|easy|fun|must|light|or|let me|help me|let him|let her|how to", "read", "", "ɹˈid"),
    ("", "read", r"(?:[^.?!;]{0,80} )?(?:yesterday|last|ago|earlier|this morning|when (?:I|he|she|it|we|they|you) (?:was|were))", "ɹˈɛd"),
    (r"(?:[Yy]esterday|[Ll]ast \w+|\w+ ago|[Oo]nce)\b[^.?!;]{0,60}", "read", "", "ɹˈɛd"),
    ("", "read", r"(?:[^.?!;]{0,80} )?(?:every|each|daily|always|often|a lot|for fun|before bed|at night|all the time)", "ɹˈid"),
    (r"(?:[Ee]very|[Ee]ach|[Aa]lways|[Uu]sually|[Oo]ften|[Ss]ometimes|[Rr]arely|[Nn]ever|[Nn]ormally)\b[^.?!;]{0,30}", "read", "", "ɹˈid"),
    (f"(?:{THEY})", "read", "(?!(?:his|this|its|the|her|my|your|our|their|these|those)\\b)(?:[a-z]+ )?[a-z]+s", "ɹˈid"),
    ("I|[Ww]e|[Tt]hey|[Hh]e|[Ss]he|who|it|It|nobody|everyone|everybody|someone|(?!(?:Now|Then|And|But|Just|First|Next|Or|So|You|Please|Always|Do|To)\\b)[A-Z][a-z]+|(?:the|my|his|her|our) [a-z]+(?<!s)", "read", "", "ɹˈɛd"),
    ("and|then", "read", f"(?:{OBJECTS}|about)", "ɹˈɛd", r"\b\w+ed\b|\b(?:sat|went|took|came|was|were|got|found|bought|lay|had|said)\b"),
    ("", "read", "", "ɹˈid"),
    # the metal
    ("", "lead", r"(?:pipes?|pencils?|paints?|poisoning|bullets?|shot|acid|crystal|ore|weights?|foil|coffin|free|based|levels?|content|exposure|contamination|roofs?|mines?|batter\w+|solder|shield\w*|aprons?|glass|oxide|atoms?|ions?|melts|is (?:very |quite |so |a )?(?:heavy|soft|toxic|dense|metal|poison\w*)|(?:and|or) (?:zinc|copper|tin|mercury|arsenic|steel|iron|gold|silver|cadmium))", "lˈɛd"),
    (r"molten|metal|element|heavy as|like|of|made of|made from|(?:contains?|containing|without)(?: no| any| much| more| less)?|(?:zinc|copper|tin|mercury|arsenic|iron|gold|silver|cadmium),?(?: and| or)?|some|toxic|melted|in", f"lead{END}", "", "lˈɛd"),
    ("(?:get|getting|got|gets) the", "lead", "out", "lˈɛd"),
    ("molten|metal|element|pieces? of|full of|made of|tons? of|pounds? of|traces? of|levels? of|amounts? of", "lead", "", "lˈɛd"),
    ("is|was|as|the", "lead", "", "lˈɛd", r"\b(?:metals?|toxic|melt\w*|poison\w*|plumb\w*|pencils?|heavier|density|gasoline)\b"),
    # fish and music
    ("", "bass", r"(?:guitar\w*|players?|lines?|drums?|clefs?|solos?|amps?|notes?|riffs?|clarinets?|voices?|singers?|parts?|boosts?)", "bˈAs"),
    ("tuned?|tuning|plays?|played|playing|slap|slapped|slapping|electric|upright|double|(?:tuned?|tuning|plays?|played|playing) (?:his|her|the|a|my)", "bass", "", "bˈAs"),
    (r"sea|striped|largemouth|smallmouth|freshwater|grilled|fried|baked", "bass", "", "bˈæs"),
    ("", "bass", r"(?:fishing|boats?|fillets?|ponds?|tournaments?|swam|swim)", "bˈæs"),
    ("", "bass", "", "bˈæs", r"\b(?:fish\w*|lakes?|rivers?|caught|catch\w*|hook\w*|angler\w*|trout|pike|perch|fillets?|bait|pond|eat|ate|cooked|reel\w*)\b"),
    ("", "bass", "", "bˈAs"),
    # the front of a ship, and politeness
    ("", "bow", "(?:ties?|and arrows?|and an arrow|legs?|string|saw)", "bˈO"),
    ("take|takes|took|taken|taking|makes?|made|making|gave|give|deep|low|final|polite|slight|formal|little|courteous|ship's|boat's|port|starboard", "bow", "", "bˈW"),
    ("(?:take|takes|took|taken|taking|makes?|made|making|gave|give|with) an?(?: [a-z]+)?", "bow", "", "bˈW"),
    ("", "bows?", "(?:of the|of a|of our) (?:ship|boat|vessel|yacht|canoe|ferry)", "bˈW"),
    ("", "bow", "(?:down|before|out|their|his|her|your|my|our|to (?:the|your|his|her|their|no|him|them|pressure|an?))", "bˈW"),
    ("the|its", "bow", "", "bˈW", r"\b(?:ships?|boats?|stern|deck|sail\w*|waves?|anchor|vessel|crew|captain|yacht)\b"),
    (f"{HELPERS}|{THEY}|actors|dancers|performers|singers|and", f"bow{END}", "", "bˈW"),
    ("actors|dancers|performers|singers|guests|players|musicians|all", "bow", "(?:at|to|together|after|and|low|in|when|as)", "bˈW"),
    ("", "bow", "", "bˈO"),
    ("", "bowed", "(?:strings?|instruments?|legs|psalter(?:y|ies))", "bˈOd"),
    ("", "bowed", "", "bˈWd"),
    ("", "bowing", "(?:technique|arm|hand|style|of)", "bˈOɪŋ"),
    ("", "bowing", "", "bˈWɪŋ"),
    # alive, and not recorded
    ("", "live", r"(?:music|shows?|concerts?|broadcasts?|streams?|streaming|performances?|audiences?|events?|coverage|TV|television|bands?|wires?|bait|animals?|ammunition|ammo|rounds?|recordings?|albums?|versions?|updates?|chats?|demos?|theater|sports?|stock|birds?|chickens?|lobsters?|data|sessions?|feeds?|video|videos|news|footage|blog|crowd|oak|tour|report|football|sets?)", "lˈIv"),
    ("(?:go|goes|going|went|gone)", "live", "(?!in\\b|with\\b|there\\b|by\\b|alone\\b|somewhere\\b|together\\b|near\\b|at home\\b|in a\\b)[a-z]+", "lˈIv"),
    (f"(?:go|goes|going|went|gone|{BE}|comes?|coming|broadcast|airs?|aired|stream(?:ed|ing|s)?|perform(?:ed|ing|s)?|sang|sing|recorded|play(?:ed|ing|s)?|watch(?:ed|ing)?(?: it| them| us| him| her)?|now|see (?:it|them|him|her)|saw (?:it|them|him|her)|happening|reporting|appeared|on air|shown)", "live", "(?:at|on|from|in|now|tonight|today|and|to|for|where|when|while|every|all|as|before|after)", "lˈIv"),
    (f"(?:go|goes|going|went|gone|{BE}|comes?|coming|broadcast|airs?|aired|stream(?:ed|ing|s)?|perform(?:ed|ing|s)?|sang|sing|recorded|play(?:ed|ing|s)?|watch(?:ed|ing)?(?: it| them| us| him| her)?|now|see (?:it|them|him|her)|saw (?:it|them|him|her)|happening|on air|shown|a)", f"live{END}", "", "lˈIv"),
    (f"{THEY}|{HELPERS}|people|who|that|and|where|families|parents|children|still|also|both|all|cats|dogs|animals|plants|fish|friends|cannot|never|not|always", "live", "", "lˈɪv"),
    ("he|she|it|who|He|She|It|that|[A-Z][a-z]+|(?:the|my|his|her|our|your|a|an) [a-z]+(?<!s)|still|also|now|one|nobody|everyone", "lives", "(?:in|on|at|with|near|by|alone|here|there|for|under|next|up|down|across|far|among|a|to|nearby|inside|above)", "lˈɪvz"),
    ("their|our|your|human|many|several|of|nine|two|three|four|five|the|saves?|saved|saving|both|past|private|lost|people's|other|whose|these|innocent|risked|risking|daily|cost|claimed|changed|changes|our own|ten|hundred|thousand|million|all|more|some|personal|better", "lives", "", "lˈIvz"),
    # custom, and tools
    (f"(?:{BE})(?: (?:not|never|still|quite|so|very|now|all|pretty|just|really|already))*", "used", r"to (?:the|an?|it|this|that|these|those|my|his|her|our|their|your|being|having|[a-z]+ing|him|them|you|me|us|cold|hot|hard|people|such|each|one|life|living|so|early)", "jˈust"),
    (f"(?:{BE}|[a-z]+ly|often|also|commonly)", "used", "to [a-z]+", "jˈuzd"),
    ("get|gets|got|getting|gotten|become|became|becoming|grew|grown|never|I|[Ww]e|[Yy]ou|[Tt]hey|[Hh]e|[Ss]he|[Ii]t|who|there|There|always|[A-Z][a-z]+|quite|what|that|people", "used", "to", "jˈust"),
    ("(?:did|didn't)(?: \\w+)?", "use", "to", "jˈus"),
    # air, and turning
    ("", "winds?", "(?:the|your|his|her|my|this|that|a) (?:clock|watch|rope|wool|yarn|toy|string|bandage|cable|thread|tape|spring|wire|hose|bobbin|music box)", "wˈInd"),
    (f"{HELPERS}|roads?|paths?|rivers?|trails?|streams?|streets?|stairs|{THEY}|stairways?|they all", "wind", "(?:up|down|through|around|along|its|his|their|back|past|between|into|the|your|over|to)", "wˈInd"),
    ("road|path|river|trail|stream|street|stairs|it|he|she|staircase|stairway|creek|lane|highway|track|who", "winds", "(?:up|down|through|around|along|its|his|her|back|past|between|into|over)", "wˈIndz"),
    ("", "wound", "(?:up|around|down|tightly|itself|tight|its|through|his way|their way|her way|round|back|along|past)", "wˈWnd"),
    ("tightly|tight|be|been|was|were|he|she|it|they|we|I|had|has|and|[A-Z][a-z]+|is|are|never|then", "wound", "", "wˈWnd"),
    ("(?:the|an?|my|his|her|our) [a-z]+", "wound", f"(?:{OBJECTS})", "wˈWnd"),
    ("", "wound", "", "wˈund"),
    # near, and shut
    ("a|the|at the|by the|market|day's|daily|year's", "close(?= of\\b|[,.;:!?]|$)", "", "klˈOz"),
    ("", "close", "(?:to|by|friends?|friendship|calls?|relatives?|enough|together|range|proximity|attention|behind|races?|games?|seconds?|contacts?|quarters|ties|look|up|watch|family|match|shave|combat|relationship|cousins?|colleagues?|neighbou?rs?|election|at hand|ups|fit|connection|link|eye|inspection|association)(?<!close up)", "klˈOs"),
    (f"(?:{BE}|very|so|too|how|as|gets?|got|getting|come|comes|came|coming|stays?|stayed|keeps?|kept|sit|sat|stand|stood|draws?|drew|sticks?|pretty|really|more|hold|held|lives?|lived|quite|fairly|extremely|dangerously|that|uncomfortably|grew|a|nearby and|remain|remained|moved|leaned|followed|feel|felt)", "close", f"(?!(?:{OBJECTS}|at|down)\\b)[a-z]+", "klˈOs"),
    (f"(?:{BE}|very|so|too|how|as|gets?|got|getting|come|comes|came|coming|stays?|stayed|keeps?|kept|sit|sat|stand|stood|pretty|really|more|hold|held|lives?|lived|quite|fairly|extremely|dangerously|that|feel|felt|me|him|her|them|you)", f"close{END}", "", "klˈOs"),
    ("[A-Z][a-z]+", "Close(?=[,.]|$)", "", "klˈOs"),
    ("", "close", "", "klˈOz"),
    # ripping, and weeping
    ("wear and", "tear", "", "tˈɛɹ"),
    ("muscle|ligament|ACL|meniscus|cuff|tendon|calf|hamstring|retinal|small|big|long", "tears?", "", "tˈɛɹ", r"\b(?:muscle|ligament|ACL|meniscus|cuff|tendon|calf|hamstring|retinal|injur\w+|surgery|fabric|shirt|dress|jeans|paper|cloth|page|sail|curtain|jacket|coat)\b"),
    ("an?|the|this", "tear", "in (?:the|his|its|my|our|a|it|your|their)|in her (?:dress|coat|shirt|sleeve|skirt|jeans|jacket)", "tˈɛɹ"),
    (f"{HELPERS}|{THEY}|and|not|Don't|never", "tear", "(?:up|down|off|apart|out|it|the|your|his|her|my|our|their|open|through|into|along|away|them|him|me|us|a|this|that|easily|at|in half|in two|each|paper)", "tˈɛɹ"),
    ("", "Tear", "(?:up|down|off|apart|out|it|the|your|along|open|this|that|here)", "tˈɛɹ"),
    ("he|she|it|who|He|She|It|[A-Z][a-z]+|(?:the|my|his|her) [a-z]+", "tears", "(?:the|it|up|down|a|off|apart|open|his|her|them|easily|out|through)", "tˈɛɹz"),
    ("", "tear", "(?:gas|drops?|ducts?|stained|rolled|ran|fell|down|of|came|slid|jerker|trickled|streak\\w*)", "tˈɪɹ"),
    ("an?|single|one|the|his|her|each|every|little|salty", "tear", "", "tˈɪɹ"),
    # the past of "dive"
    ("he|she|they|we|I|it|who|He|She|They|We|It|dogs?|and|then|swimmers?|divers?|boys?|girls?|child|children|player|players|goalkeeper|goalie|whales?|submarine|plane|jet|cat|seal|otters?|penguins?|dove|ducks?|loons?|everyone|man|woman|kids|(?!(?:The|A|An|This|That|Every|White|His|Her|Our|My|Your|Each|One)\\b)[A-Z][a-z]+", "dove", "(?:in|into|under|off|for|down|from|deep|to|right|through|beneath|headfirst|behind|out|at|deeper|straight|head|back|across|over|towards?|beside|left|headlong|below|after|past|by|away)", "dˈOv"),
    ("", "dove", "", "dˈʌv"),
    # quarrels
    ("(?:had|have|having|has) an?(?: [a-z]+)?", "row(?! of| [a-z]+s\\b)", "", "ɹˈW"),
    ("(?:had|have|having|started|start|caused|sparked|after|in) an?(?: [a-z]+)?", "rows?", "(?:about|with|over|between|last)", "ɹˈW"),
    ("an?|the|this|that", "row", "(?:among|about|over|erupted|broke out|escalated|blew up|rumbles)", "ɹˈW"),
    ("blazing|furious|almighty|heated|diplomatic|terrible|flaming|noisy|bitter|fierce|political|public", "row", "", "ɹˈW"),
    ("", "sow", "(?:seeds?|the (?:seeds?|fields?|wheat|corn)|wheat|corn|discord|doubt|oats|grain|crops|what|wild|your|their|confusion|chaos|fear|division|in|so)", "sˈO"),
    ("an?|the|The|old|fat|mother|pregnant|our|his|her|huge|big|prize|farmer's", "sow", "", "sˈW"),
    # tiny
    ("", "minute", "(?:details?|amounts?|differences?|quantity|quantities|traces?|particles?|cracks?|changes?|specks?|fractions?|organisms?|doses?|variations?|proportions?|insects?|holes?|creatures?|scratch\\w*|bits|pieces|droplets?|flaws?)", "mInˈut"),
    ("(?:is|are|was|were|so|very|incredibly|extremely|almost|quite|too|really|absolutely|microscopically)", "minute(?= (?:and|that|compared|but)\\b|[,.;:!?]|$)", "", "mInˈut"),
    ("just", "deserts", "", "dəzˈɜɹts"),
    (f"{HELPERS}|not|never|who|soldiers|{THEY}", "desert", f"(?:{OBJECTS})", "dəzˈɜɹt"),
    (f"{HELPERS}|not|never|soldiers", f"desert{END}", "", "dəzˈɜɹt"),
    # verbs that end in a stressed syllable
    ("I|[Ww]e|you|they|to|would|will|not|don't|didn't|may|might|could|strongly|nobody would|no one would|who", "object", "", "əbʤˈɛkt"),
    ("", "object", "to", "əbʤˈɛkt"),
    ("", "objects", "to", "əbʤˈɛkts"),
    ("he|she|who|nobody|anyone", "objects", "", "əbʤˈɛkts"),
    (f"(?:{BE}|quite|perfectly|feel|felt|seems?|seemed|very|to be|not)", "content", "", "kəntˈɛnt"),
    ("heart's", "content", "", "kəntˈɛnt"),
    ("(?:made|makes?|making|kept|keeps?|keep|left) (?:me|her|him|us|them|you|everyone|people)", "content", "", "kəntˈɛnt"),
    ("I|to|will|we|they|can|would|could|must|experts|analysts|models|economists", "project", "", "pɹəʤˈɛkt"),
    ("the|an|this|any|no|another", "increase", "", "ˈɪnkɹˌis"),
    (f"{HELPERS}|{THEY}|and|who", "export", f"(?:{OBJECTS}|[a-z]+s|oil|gas|wine|coffee|tea|rice|wheat|steel)", "ɪkspˈɔɹt"),
    ("", "Export", f"(?:{OBJECTS})", "ɪkspˈɔɹt"),
    ("", "console", "him|her|them|me|us|you|himself|herself", "kənsˈOl"),
    (f"{HELPERS}|{THEY}|people|workers|students|and|who", "protest", "(?:against|the|this|that|for|outside|in|about|at|loudly|peacefully|too|his|her|their|every|on)", "pɹətˈɛst"),
    (f"to|will|would|must|not|didn't|{THEY}", "protest", "", "pɹətˈɛst"),
    (f"{HELPERS}|{THEY}|who|often", "frequent", f"(?:{OBJECTS}|bars|caf[eé]s|clubs|pubs)", "fɹikwˈɛnt"),
    (f"{HELPERS}|{THEY}|proudly|and|who", "present", f"(?:{OBJECTS}|to|some|evidence|findings|new|our|both|two|three|awards?)", "pɹizˈɛnt"),
    (f"{HELPERS}|{THEY}", "record", f"(?:{OBJECTS}|to|some|new|our|all|every|videos?|music|songs?|and|with|audio|sound|in|your)", "ɹəkˈɔɹd"),
    (f"{HELPERS}|and", f"record{END}", "", "ɹəkˈɔɹd"),
    ("(?:can|may|could|should|must|shall) (?:we|I|they|you)|law|laws|rules|not|does|doesn't|do|don't|will|to|conditions|circumstances|if (?:time|weather)|time|weather", "permits?", "", "pəɹmˈɪt"),
    ("", "refuse", "(?:collections?|bins?|trucks?|piles?|heaps?|disposal|collectors?|dumps?|sacks?|bags?|containers?|sites?)", "ɹˈɛfjˌus"),
    ("household|the|of|kitchen|all|rotting|city|their|our|domestic|garden|human|with|and", "refuse", "(?:was|is|in|from|on|into|at|were|had|lay|piled)", "ɹˈɛfjˌus"),
    ("household|kitchen|of|rotting|domestic|garden|the|more|some|any|much|collects?|collected|less|dump|dumped", f"refuse{END}", "", "ɹˈɛfjˌus"),
    ("", "refuse", "", "ɹəfjˈuz"),
    ("(?:became|become|was|is|as|for|an elderly|been|like|to be) an?|elderly|poor|bedridden|lifelong|the", "invalid(?= (?:for|since|who|all|in|was|lay|after|and)\\b|[,.;:!?]|$)", "", "ˈɪnvəlɪd", r"\b(?:[Hh]e|[Ss]he|[Hh]is|[Hh]er|mother|father|man|woman|wife|husband|uncle|aunt|nurse|bed|chair|illness|accident|years|the invalid)\b"),
    ("an?|his|her|my|our|their|the", "invalid", "(?:mother|father|wife|husband|son|daughter|brother|sister|aunt|uncle|child|parent|chair|carriage)", "ˈɪnvəlɪd"),
    ("the|this|that|his|her", "invalid", "(?:holds?|has|had|needs?|needed|lay|sat|could|would|was|is|who|ate|slept|asked|said)", "ˈɪnvəlɪd"),
    ("", "invalid", "", "ɪnvˈælɪd"),
    ("", "subject", "(?:him|her|them|it|us|me|you|himself|themselves|yourself) to", "səbʤˈɛkt"),
    (f"(?:{HELPERS})", "subject", f"(?:{OBJECTS})", "səbʤˈɛkt"),
    (f"(?:{HELPERS})", "conduct", f"(?:{OBJECTS}|electricity|heat|research|experiments?|interviews?|business|surveys?)", "kəndˈʌkt"),
    ("muscles?|pupils|metals?|hearts?|to|will|can|may|and|you|they|vessels|walls", "contract", "", "kəntɹˈækt"),
    ("an?|the|most|very|his|her|my", "learned", "(?:man|men|woman|women|professor|scholars?|judge|friend|colleague|people|society|journal|doctor|person|debate)", "lˈɜɹnɪd"),
    ("the", "resume", "(?:was|is|looks?|looked)", "ɹˈɛzəmˌA"),
    ("", "resume", "(?:is|was|to|with|looks?|and cover|writing|template)", "ɹˈɛzəmˌA", r"\b(?:job|hire\w*|employer|cover letter|interview|skills?|send|sent|email|updated?|my|your|his|her)\b"),
    ("my|your|his|her|a|an|updated|their|impressive|one-page|strong|polished|this|that|printed", "resume", "", "ɹˈɛzəmˌA"),
    ("my|your|their|these|those|of|hundred|many|all|read|reviewed|reviewing|submitted|our|two|fake", "resumes", "", "ɹˈɛzəmˌAz"),
    # nations, deer, needlework and other rarities
    ("", "Polish", "(?:the|your|it|them|up|off|my|his|her|those|these|shoes|silver|that)", "pˈɑlɪʃ"),
    ("", "Polish", "", "pˈOlɪʃ"),
    ("the|these|those|some|two|three|our", "does", "(?:are|were|eat|ate|have|had|ran|run|graze|grazed|came|come|feed|fed|stood|stand|gave|and)", "dˈOz"),
    ("two|three|the|several|of|some|and|few|four|five|many|young|female|The|Two|Three|Several|bucks and|pregnant", "does", "", "dˈOz", r"\b(?:bucks?|fawns?|deer|stags?|antlers|rabbits?|herd|graz\w+|rut|venison)\b"),
    ("skilled|good|talented|expert|professional|experienced|keen|hobby|beginner|a|great|avid|every|the", "sewers?", "", "sˈOəɹ", r"\b(?:sew|sews|sewing|needles?|fabrics?|dress\w*|stitch\w*|quilts?|threads?|patterns?|garments?|tailor|seams?|skilled|talented)\b"),
    ("he|she|they|we|I|and|who|It|He|She|They|just|[A-Z][a-z]+|boy|girl|dog", "moped", "(?:around|about|all|for|because|in|after|at|and|over)", "mˈOpt"),
    ("", "moped", "", "mˈOpˌɛd"),
    ("grew|grows|growing|got|getting|gets|felt|feels|even|became|becoming|and", "number", "", "nˈʌməɹ", r"\b(?:numb|fingers?|cold\w*|toes?|lips?|jaw|dentist|feet|hands?|face|legs?|arms?|minute|frost\w*)\b"),
    ("", "axes", "", "ˈæksᵻz", r"\b(?:wood\w*|chop\w*|lumber\w*|fire\w*|warriors?|trees?|hatchets?|throw\w*|swords?|battle|dwar\w+|sharp\w*|blades?|hammers?|saws?|tools?|shields?|swung|knives|logs?|Vikings?)\b"),
    ("legal|scientific|theoretical|moral|logical|ethical|neural|biological|philosophical|economic|weekly|daily|monthly|intellectual|genetic|factual|the|several", "bases", "(?:of|for)", "bˈAsiz"),
    ("", "bases", "", "bˈAsᵻz"),
    ("a|the|his|her|is|was|very|that|my|were|are|of", "crooked", "", "kɹˈʊkəd"),
    ("an|the|very|my|his|her|most", "aged", "(?!(?:[a-z]+ )?(?:months|years|between|over|under|zero|one|two|three|four|five|six|seven|eight|nine|ten|twenty|thirty)\\b)[a-z]+", "ˈAʤəd"),
    ("the", f"aged{END}", "", "ˈAʤəd"),
    ("", "[Bb]lessed", "(?:be|day|are|event|relief|virgin|Virgin|sacrament|mother|Mother|thing|silence|moment|sleep|the)", "blˈɛsɪd"),
    ("an|this|such|that|these", "august", "(?:body|institution|assembly|company|group|presence|gathering|journal|occasion|academy)", "ɔɡˈʌst"),
    ("cup of|bottle of|glass of|drink|drank|hot|warm|cold|Japanese|some|of", "sake", "", "sˈɑki", r"\b(?:sushi|Japan\w*|drank|drink\w*|rice|cups?|bottles?|bar|warm|glass\w*|serve[sd]?|brew\w*)\b"),
    ("", "putting", "(?:greens?|strokes?|practice)", "pˈʌTɪŋ"),
    ("in|to|from|near|around|at", "Reading", "", "ɹˈɛdɪŋ"),
    ("in|to|from|near", "Nice", "", "nˈis"),
    ("", "Mobile(?=, Alabama)", "", "mObˈil"),
    ("[Bb]ook of|prophet|patience of", "Job", "", "ʤˈOb"),
    ("", "et cetera", "", "ɛt sˈɛTəɹə"),
    # loan words
    *(("", unaccented(word), "", phonemes) for word, phonemes in LOANS.items()),
    ("", "vis-a-vis", "", "vˌizəvˈi"),
    ("", "tete-a-tete", "", "tˌAtətˈAt"),
    ("", "mise-en-scene", "", "mˌizɑnsˈɛn"),
    ("", "papier-mache", "", "pˌApəɹməʃˈA"),
    ("", "a la", "(?:carte|mode|king)", "ˌɑ lə"),
    ("raison", "d'etre", "", "dˈɛtɹə"),
    ("hors", "d'oeuvre", "", "dˈɜɹv"),
    ("hors", "d'oeuvres", "", "dˈɜɹvz"),
    # dialect
    ("", "th'?", "", "ðə"),
    ("", "(?<=[Pp]an )Am", "", "ˈæm"),
    ("", "o'", "", "ə"),
    ("", "ol'", "", "ˈOl"),
    ("", "an'", "", "ən"),
    ("", "wi'", "", "wɪ"),
    ("", "fo'", "", "fɔ"),
    ("", "yo'", "", "jɔ"),
    ("", "lil'", "", "lˈɪl"),
    ("", "i'", "", "ɪ"),
    ("", "t'", "", "tə"),
    ("", "'?twould", "", "twˈʊd"),
    ("", "d'you", "", "ʤˈu"),
    ("", "d'ye", "", "ʤˈi"),
    ("", "bo's'n", "", "bˈOsən"),
    ("", "ca'n't", "", "kˈænt"),
    ("", "sha'n't", "", "ʃˈænt"),
    ("", "wo'n't", "", "wˈOnt"),
    ("", "Des(?= Moines)", "", "də"),
    ("[Dd]es", "Moines", "", "mˈYn"),
    # the letter A, not the article: beside another spelled letter, before a number, with a name before, at a pause
    ("", LETTER_A, "", "ˈA"),
    ("[B-HJ-Z]|the|an|letter|vitamin|plan|grade|type|class|group|section|hepatitis|Vitamin|Plan|Grade|Type|Class|Group|Section|Hepatitis|Letter|big|straight|capital|an? big|Option|option|Team|Part|Point|point|Exhibit|Model|string", "A", "", "ˈA"),
    ("", "A", "[A-HJ-Z]|and [A-Z](?= |[,.;:!?]|$)|to Z|through [A-Z]|or B|major|minor|sharp|flat|is for", "ˈA"),
    ("[A-Z] (?:and|or)", "A", "", "ˈA"),
    (r"\w+", "A", NUMBER_WORDS, "ˈA"),
    (r"[\w',]+", f"A{END}", "", "ˈA"),
    ("", f"^A{END}", "", "ˈA"),
    # sounds that are spelled without a vowel
    ("", "shh+|sh", "", "ʃˈʌ"),
    ("", "psst|pst", "", "psˈɪt"),
    ("", "brr+", "", "bˈɜɹ"),
    ("", "grr+", "", "ɡˈɜɹ"),
    ("", "zz+", "", "zˈɪz"),
    ("", "hmm+|hm", "", "hˈʌm"),
]  # fmt: skip


BEFORE_OBJECTS = re.compile(  # a verb
    rf"((?:^|[.!?:;] |\b(?:{HELPERS}|{THEY}) ))([A-Za-z]+)(?= (?!that\b)(?:{OBJECTS})\b)"
)
BEHIND_ARTICLES = re.compile(  # a noun
    r"(\b(?:[Tt]he|an?|An?|my|your|our|their|its|each|every|another) )(?!close|content|overhead|downhill|uptown|overweight|covert|invalid|"
    r"conjunct|inebriate|upset)([a-z]+)\b(?![-'])"
)
BEHIND_SUBJECTS = re.compile(
    r"(\b(?:[Hh]e|[Ss]he|who) (?:(?:never|always|often|also|still|usually|sometimes) )?)([a-z]+s)\b"
)


class Homograph(NamedTuple):
    """A row of the table, ready for use: groups 1 and 2 of the pattern are what stands before the word, and the word."""

    pattern: re.Pattern[str]
    phonemes: str
    topic: re.Pattern[str] | None
    has_plural: bool


def _small_letters(word: str) -> str:
    """What a pattern begins with that is no sign of one, in small letters."""
    return re.split(r"[^a-z']", word.lower(), maxsplit=1)[0]


def _key(word: str) -> str:
    """What must be in a text for a row to have work there: the word without its plural; "" for any text."""
    key = _small_letters(word)
    key = key[:-1] if word.endswith("s?") else key
    return key if key.isalpha() and "|" not in word else ""


@cache
def _compiled(before: str, word: str, after: str, phonemes: str, topic: str = "") -> Homograph:
    """Case counts where the row speaks of capitals, and never at the beginning of a word before."""
    is_cased = word != word.lower() or "[A-Z]" in before + after or not _small_letters(word)
    if is_cased:
        before = re.sub(r"(?<![\w\[\\'-])([a-z])(?=[a-z'])", lambda m: f"[{m[1].upper()}{m[1]}]", before)
    lead = rf"(?<![\w'\[])((?:{before}) )" if before else r"(?<![\w'\[])()"
    body = lead + rf"({word})(?![\w'])" + (rf"(?=[ -](?:{after})(?![\w']))" if after else "")
    pattern = re.compile(body if is_cased else f"(?i:{body})")
    return Homograph(pattern, phonemes, re.compile(topic) if topic else None, word.endswith("s?"))


KEYS = [_key(word) for _, word, *_ in HOMOGRAPHS]


def mark_homographs(text: str) -> str:
    """Words that need their neighbours to be read → "[word](/phonemes/)", as the converter to phonemes takes them."""
    words = {word.removesuffix("s") for word in re.findall(r"[a-z']+", text.lower())}
    words |= {word + "s" for word in words}
    for key, written in zip(KEYS, HOMOGRAPHS, strict=True):
        if key and key not in words:
            continue
        row = _compiled(*written)
        if row.topic and not row.topic.search(text):
            continue
        text = row.pattern.sub(partial(_annotated, row), text)
    text = BEHIND_ARTICLES.sub(_as_noun, text)
    return BEHIND_SUBJECTS.sub(_as_verb_of_one, BEFORE_OBJECTS.sub(_as_verb, text))


def _as_verb(match: re.Match[str]) -> str:
    """ "Record this.", "Don't abuse it.": said as a verb, if the dictionary knows it as a noun and a verb."""
    entry = g2p().lexicon.golds.get(match[2].lower())
    if not isinstance(entry, dict) or not entry.keys() & {"VERB", "NOUN"}:
        return match.group()
    return f"{match[1]}[{match[2]}](/{entry.get('VERB', entry['DEFAULT'])}/)"


def _as_noun(match: re.Match[str]) -> str:
    """ "The insert tab", which the tagger takes for a verb."""
    entry = g2p().lexicon.golds.get(match[2])
    if not isinstance(entry, dict) or "NOUN" not in entry:
        return match.group()
    return f"{match[1]}[{match[2]}](/{entry['NOUN']}/)"


def _as_verb_of_one(match: re.Match[str]) -> str:
    """ "She rebels.", which the tagger takes for a noun."""
    lexicon = g2p().lexicon
    entry = lexicon.golds.get(match[2][:-1])
    if not isinstance(entry, dict) or not entry.keys() & {"VERB", "NOUN"}:
        return match.group()
    return f"{match[1]}[{match[2]}](/{lexicon._s(entry.get('VERB', entry['DEFAULT']))}/)"


def _annotated(row: Homograph, match: re.Match[str]) -> str:
    return f"{match[1]}[{match[2]}](/{_reading(row, match[2])}/)"


def _reading(row: Homograph, word: str) -> str:
    return row.phonemes + ("z" if row.has_plural and word.endswith("s") else "")
