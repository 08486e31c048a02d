/* The texts that a conversion looks at when the user gives none: they find the columns of outliers, are summed up to
   second moments, and show whether the converted model agrees with f32. A model is used on anything, so that there is
   something of everything: kinds of text, lengths, languages, scripts, and what is hardly text at all.

   They were written for this; none is from a data set. People, firms and figures of everyday texts are made up,
   addresses are those reserved for examples, and the few quotations are from works in the public domain. */
#include "quant/builtin_texts.h"

// clang-format off
const char *const tern_builtin_texts[] = {
    /* As short as texts get. */
    "-", ".", "?", "a", "I", "0", "42", "-17", "3.5", "''", "nil", "n/a", "ok", "No.", "lol", "good", "Meh.", ":-)",
    "!!", "10:45", "#1", "€9", "Dr.", "true", "I thank you.", "not bad", "thx a lot",

    /* Words and short queries. */
    "weather", "refund", "jazz", "Kyoto", "photosynthesis", "Shakespeare", "paracetamol", "gluten-free", "Wi-Fi",
    "unbelievably", "antidisestablishmentarianism", "machine learning", "opening hours", "near me", "red wine",
    "brake pads", "crossword clue",

    /* Search queries. */
    "best waterproof hiking boots for wide feet", "how to remove candle wax from carpet",
    "train times manchester to leeds sunday", "difference between ionic and covalent bond",
    "python read csv skip first row", "second hand cargo bike under 1500 euro",
    "symptoms of vitamin b12 deficiency in older adults", "quiet hotel lisbon old town breakfast included",
    "error 0x80070057 windows update", "postgres index not used when casting column",
    "lyrics old song about a lighthouse keeper's daughter", "rent agreement template furnished room 6 months",
    "query: how much protein should a female eat",
    "Represent this sentence for searching relevant passages: who invented the stethoscope",
    "search_document: The stethoscope was invented in Paris in 1816 by a physician who found it awkward to put his "
        "ear to a patient's chest.",
    "passage: Adults need roughly 0.8 grams of protein per kilogram of body weight a day; athletes and the elderly "
        "need more.",

    /* Questions. */
    "What is the capital of Mongolia?", "Who wrote the novel in which a whale bites off the captain's leg?",
    "How many bones does an adult human have?", "Why does bread go stale faster in the refrigerator?",
    "Can I return an item that I bought on sale if the label is gone?",
    "Which is heavier, a litre of oil or a litre of water?",
    "When was the first railway tunnel under the Alps opened, and how long is it?",
    "Would you rather live by the sea or in the mountains, and why?",
    "Is it legal to collect rainwater in a city flat?",
    "How do vaccines teach the immune system to recognise a virus that it has never met?",
    "If a train leaves at noon at 80 km/h and a second one an hour later at 120 km/h, when does the second overtake "
        "the first?",
    "Does this jacket run small? I am usually between M and L.",
    "What's the point of a semicolon; does anybody still use it?", "Do penguins have knees?",
    "How can I merge two dictionaries in one expression, and what happens to keys that are in both?",
    "Why did my sourdough collapse, although I followed the recipe to the letter?",

    /* Captions of pictures, in pairs that are close and pairs that are not. */
    "A man in a straw hat is playing a guitar.", "A man is playing a flute on the stage.",
    "A woman is slicing red onions.", "Someone is cutting a vegetable into pieces.",
    "Two children in raincoats jump into a puddle.",
    "A brown dog runs through shallow water with a stick in its mouth.", "A cat sleeps on a closed laptop.",
    "The cat is not sleeping.", "A group of cyclists waits at a red traffic light.",
    "Nobody is waiting at the traffic light.", "An elderly couple shares an ice cream on a bench in the park.",
    "A skateboarder in mid-air above a flight of stairs, seen from below.",
    "Close-up of a bee on a purple thistle, with a blurred meadow behind.",
    "A boy wearing a blue helmet is climbing an artificial rock wall while his friend holds the rope.",
    "Fishing boats lie on the sand at low tide; a church tower in the background.",
    "A chef tosses pizza dough into the air as customers look on.",

    /* Reviews and opinions: good, bad and neither. */
    "Absolutely love it. Works like a charm and looks great on the shelf.", "Broke after three days. Save your money.",
    "It's fine, I suppose. Nothing special, but for the price I can't complain.",
    "A gripping first hour, then the plot ties itself into knots that even the excellent cast cannot undo.",
    "I laughed, I cried, I called my mother. Go and see it.",
    "The worst two hours of my year, and I had a root canal in March.",
    "Not bad at all, although I expected more from a restaurant with two stars and a three-month waiting list.",
    "The staff were friendly; the room was not. Mould in the shower, hair in the bed, and a view of the dustbins.",
    "Pros: light, fast, quiet. Cons: the fan is loud under load, and the keyboard wobbles.",
    "5 stars for the delivery, 1 star for the product => 3 stars.",
    "You would have to be made of stone not to be moved by the final scene.",
    "My daughter (7) has used it every day since Christmas and it still looks new!!!",
    "The sequel nobody asked for turns out to be better than it has any right to be.",
    "Sound quality is superb for the size, but Bluetooth drops every time I put the phone into my back pocket.",
    "an utterly charming, slyly funny portrait of small-town life",
    "lifeless, overlong and convinced of its own importance",
    "I have been a customer for 12 years. After the way I was treated on the phone last Tuesday, that is over.",
    "Would buy again. Would recommend. Would even iron it.",
    "Don't be fooled by the pictures: it's the size of a matchbox.",

    /* Headlines and news. */
    "Central bank holds rates as inflation cools to 2.1%",
    "Floods cut off three villages in the north; army sends helicopters", "Striker signs four-year deal with Ajax",
    "Quake of magnitude 6.4 shakes coast, no casualties reported",
    "Opinion: Why our cities need fewer cars and more benches",
    "Scientists find water ice in crater that never sees the sun", "SHARES SLUMP AS CHIP MAKER WARNS OF WEAK DEMAND",
    "The minister resigned on Thursday, hours after a newspaper published messages that contradicted her testimony.",
    "Heavy snow closed the pass for the third day in a row, and some 400 lorry drivers spent the night in their cabs.",
    "Oil fell below $70 a barrel on Monday as traders weighed weak factory data from Asia against new supply cuts.",

    /* Names of people, places, firms and things. */
    "Marie Skłodowska-Curie was born in Warsaw in 1867 and died in Passy, France, in 1934.",
    "Ngozi Okafor and Siân Llewellyn-Jones met Dr. K. R. Venkataraman at Schiphol.",
    "Jean-Luc, María José, Björn, Zoë, O'Brien, van der Berg, McAllister, Nguyễn, Wałęsa, Đorđević",
    "Turn left at Rue Saint-Honoré, cross the Pont Neuf and you will see Notre-Dame on the other bank.",
    "Ouagadougou, Reykjavík, Tegucigalpa, Ulaanbaatar, Antananarivo, Llanfairpwllgwyngyll, Xi'an, São Paulo",
    "The Ganges rises in the Himalayas and flows for 2,525 km to the Bay of Bengal.",
    "Beethoven dedicated his Third Symphony to Napoleon and then, it is said, scratched the name out.",
    "Northwind Logistics GmbH & Co. KG has acquired a 51 per cent stake in Bluefin Robotics Inc. of Boston.",
    "Ms Priya Raman (she/her), Head of Procurement, will be on leave until 4 June; please write to Tom Eriksen "
        "instead.",
    "The 08:12 from Paddington calls at Reading, Didcot Parkway, Swindon, Chippenham, Bath Spa and Bristol Temple "
        "Meads.",
    "Wolfgang Pauli, Nobel Prize in Physics 1945",

    /* Talk: dialogue, requests to an assistant, chats. */
    "\"Did you lock the door?\" - \"I thought you did.\"", "Set an alarm for half past six, but only on weekdays.",
    "book me a table for four at the thai place tomorrow night",
    "A: Are you coming on Friday?\nB: depends, who else is?\nA: Just us and Mo.\nB: Then yes :)",
    "hey, u up? need the wifi pw asap",
    "\"You can't be serious,\" she whispered. \"He has been dead for twenty years.\"",
    "I'm sorry, I didn't catch that. Could you say it again, a bit slower?",
    "My card was swallowed by the machine and I'm abroad; what now?", "no no no, the OTHER left",
    "User: translate 'good night' into Welsh\nAssistant: Nos da.",
    "Well, I mean, you know, it's sort of, um, complicated.",
    "You are a helpful assistant. Answer in one sentence. If you do not know the answer, say so.",
    "Shut up, you idiot, nobody asked you.", "wait what. he said YES?\?",
    "Thanks, that solved it. You can close the chat.",

    /* E-mail and tickets. */
    "Dear Sir or Madam,\n\nI refer to my order 48-20177 of 3 May, which has not arrived. Please let me know by Friday "
        "whether it was sent.\n\nYours faithfully,\nH. Lindqvist",
    "Subject: Re: Re: Fwd: minutes of Tuesday's meeting (corrected)\n\nHi all, page 2 was missing. Sorry! A.",
    "URGENT: Your account has been limited. Click the link below within 24 hours to restore access.",
    "Congratulations!!! You have been selected to receive a FREE voucher worth $1000. Reply WIN to claim now.",
    "App crashes when I rotate the phone while a photo is being uploaded. Steps: open album, tap +, rotate. Expected: "
        "upload goes on. Actual: black screen. Version 4.12.1, Android 13.",
    "I can't log in. I have tried three browsers, cleared the cookies, and restarted the router. The code that you "
        "send by text message never comes.",
    "Please cancel my subscription as of the end of this month and confirm in writing.",
    "Out of office: I am away until 19 August with limited access to e-mail. In urgent cases call +44 20 7946 0123.",

    /* Social media. */
    "finally finished my thesis 🎓🎉 now what do people do with evenings?\? #phdlife #done",
    "@transit_alerts line 4 has been \"delayed by five minutes\" for 45 minutes now 🙃",
    "RT if you remember dial-up sounds 📞📠", "Just posted a photo 📍 Lofoten, Norway",
    "unpopular opinion: pineapple belongs on pizza 🍍🍕 fight me",
    "Goooooaaaaal!!! ⚽️⚽️ 2-1 in the 93rd minute, I have no voice left",
    "smh my head. tbh idk why ppl still do this irl lmao", "🔥🔥🔥",
    "New blog post: three things I wish I had known before I ran a bakery 👉 "
        "https://blog.example.com/bakery?utm_source=social",
    "AITA for not lending my brother my car after he crashed the last one?",
    "Thread 🧵 1/9: how a typo in 1870 gave spinach its reputation.",
    "Congrats!! 👍🏽👏 so proud of you ❤️ our very own 👩‍🔬 (from 🇧🇷 🏳️‍🌈) (^_^)",

    /* Law, money and insurance. */
    "The Tenant shall not assign, sublet or part with possession of the Premises without the prior written consent of "
        "the Landlord, such consent not to be unreasonably withheld.",
    "THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED.",
    "Article 12(3)(b): Member States shall ensure that the information referred to in paragraph 1 is made available "
        "free of charge.",
    "We process your personal data on the basis of your consent (Art. 6(1)(a)), which you may withdraw at any time.",
    "Revenue for the third quarter rose 14% year on year to $2.37bn; operating margin narrowed by 80 basis points to "
        "11.2%.",
    "The policy does not cover loss caused by wear and tear, vermin, war, or the policyholder's wilful act.",
    "Whereas the parties wish to settle all claims between them, now, therefore, it is agreed as follows:",
    "Goodwill of €18.4m was written off in full, and no dividend will be proposed.",

    /* Medicine. */
    "Patient is a 58 y/o male with a 20-year history of T2DM, presenting with SOB on exertion and bilateral ankle "
        "oedema x 2 weeks.",
    "Take one tablet twice daily with food. Do not drive if you feel drowsy. Keep out of the reach of children.",
    "BP 142/91, HR 88, RR 16, SpO2 97% RA, T 37.9 °C. Chest clear. Abdomen soft, non-tender.",
    "In this randomised, double-blind trial, 412 adults received 10 mg of the drug or placebo for 26 weeks; the "
        "primary endpoint was not met (p = 0.18).",
    "My knee hurts when I go down stairs but not when I run; should I see somebody about it?",
    "Amoxicillin 500 mg PO q8h x 7 d, ibuprofen PRN.",

    /* Science and scholarship. */
    "We show that every planar graph with n vertices has a balanced separator of size O(√n), and give a linear-time "
        "algorithm that finds one.",
    "Here we report the crystal structure of the enzyme at 1.9 Å resolution, which reveals an unexpected zinc-binding "
        "site and suggests a mechanism for substrate release.",
    "Participants (N = 264, 61% women, mean age 34.2 years, SD = 9.8) rated each face twice; test-retest reliability "
        "was high, r = .87, p < .001.",
    "The Treaty of Westphalia (1648) ended thirty years of war, in which a third of the population of some German "
        "lands had died.",
    "An object in free fall near the surface of the Earth accelerates at about 9.81 m/s², whatever its mass.",
    "Let f: X → Y be continuous and X compact. Then f(X) is compact. Proof: pull an open cover of f(X) back to X.",
    "Homo erectus, Quercus robur, Escherichia coli O157:H7, Tyrannosaurus rex",
    "2 KMnO4 + 16 HCl → 2 KCl + 2 MnCl2 + 8 H2O + 5 Cl2",
    "FVNQHLCGSHLVEALYLVCGERGFFYTPKTRREAEDLQVGQVELGGGPGAGSLQPLALEGSLQKRGIVEQCCTSICSLYQLENYCN",
    "CC(=O)OC1=CC=CC=C1C(=O)O", "The abstract noun is not the enemy of clear prose, but it is seldom its friend.",

    /* Explanations, definitions, history. */
    "A tern is a slender seabird with a forked tail; the Arctic tern migrates farther than any other animal, from "
        "pole to pole and back.",
    "Photosynthesis is the process by which green plants turn light, water and carbon dioxide into sugar and oxygen.",
    "ephemeral (adj.): lasting for a very short time; from Greek ephēmeros, \"lasting a day\"",
    "The printing press did not so much spread the Reformation as make it impossible to stop.",
    "In chess, the king may castle only if neither he nor the rook has moved and he is not in check: 1. e4 e5 2. Nf3 "
        "Nc6 3. Bb5 a6 4. Ba4 Nf6 5. O-O",
    "Sunlight takes about eight minutes to reach us, so that we always see the Sun as it was.",
    "Because the Moon's orbit is tilted by five degrees, there is no eclipse in most months.",

    /* Contradiction, implication, paraphrase; zero-shot labels. */
    "This example is about politics.", "Not all of the guests had left when the band stopped playing.",
    "Some of the guests were still there when the music ended.",
    "The committee did not reject the proposal because it was too expensive.",
    "The proposal was rejected, but not for its price.", "It is not the case that nobody never lied.",
    "Amazon shares rose while the Amazon burned.",
    "The bank by the bank of the river was closed on account of the closed account.",

    /* Recipes, instructions, notices, advertisements, sports. */
    "Whisk 3 eggs with 100 g sugar until pale, fold in 120 g flour and a pinch of salt, and bake at 180 °C (350 °F, "
        "gas mark 4) for 25 minutes.",
    "1. Unplug the device. 2. Remove the four screws (A-D). 3. Lift the cover carefully: the cable is short. 4. "
        "Replace the filter. 5. Reassemble in reverse order.",
    "This train ends here; all passengers are asked to leave it by the doors on the left.",
    "WET FLOOR - CAUTION - PISO MOJADO",
    "Charming 2-bed flat, 3rd floor, no lift, south-facing balcony, 5 min to tube, pets negotiable, avail. from 1 "
        "Sept, £1,650 pcm + bills",
    "Senior backend engineer (m/f/d), remote within the EU, Go or Rust, 4-day week, 75-90k. No agencies please.",
    "Buy two, get one free! This weekend only. While stocks last. Terms apply.",
    "She won the second set 7-6 (9-7) after saving three match points, then cruised through the third 6-1.",
    "Knit 2, purl 2, repeat from * to last 3 sts, k3. Next row: k1, ssk, k to last 3 sts, k2tog, k1.",
    "Shopping list: milk, oat flakes, 6 eggs, washing powder, batteries (AA), something nice for Nan",

    /* Verse and old sentences, all in the public domain. */
    "Tyger Tyger, burning bright,\nIn the forests of the night;\nWhat immortal hand or eye,\nCould frame thy fearful "
        "symmetry?",
    "Shall I compare thee to a summer's day? Thou art more lovely and more temperate.", "Call me Ishmael.",
    "It is a truth universally acknowledged, that a single man in possession of a good fortune, must be in want of a "
        "wife.",
    "We hold these truths to be self-evident, that all men are created equal.",

    /* Code. */
    "def mean(xs):\n    \"\"\"Arithmetic mean; raises on an empty list.\"\"\"\n    if not xs:\n        raise "
        "ValueError(\"no values\")\n    return sum(xs) / len(xs)",
    "for (size_t i = 0; i < n; i++)\n    sum += (uint64_t)a[i] * b[i];",
    "template <typename T> std::optional<T> parse(std::string_view s) noexcept;",
    "const byId = users.reduce((acc, u) => ({ ...acc, [u.id]: u }), {});\nexport default async () => await "
        "fetch(`/api/users/${id}`);",
    "public static void main(String[] args) { System.out.println(\"Hello, \" + args[0] + \"!\"); }",
    "fn longest<'a>(a: &'a str, b: &'a str) -> &'a str {\n    if a.len() >= b.len() { a } else { b }\n}",
    "func (s *Server) Close() error {\n\ts.mu.Lock()\n\tdefer s.mu.Unlock()\n\treturn s.ln.Close()\n}",
    "SELECT c.name, COUNT(*) AS orders FROM customers c LEFT JOIN orders o ON o.customer_id = c.id WHERE o.placed_at "
        ">= '2023-01-01' GROUP BY c.name HAVING COUNT(*) > 3 ORDER BY orders DESC;",
    "find . -name '*.log' -mtime +7 -print0 | xargs -0 gzip -9 && echo \"done: $?\"",
    "quicksort [] = []\nquicksort (p:xs) = quicksort [x | x <- xs, x < p] ++ [p] ++ quicksort [x | x <- xs, x >= p]",
    "(defun fact (n) (if (<= n 1) 1 (* n (fact (- n 1)))))",
    "<div class=\"card\"><h2>Opening hours</h2><p>Mon&ndash;Fri 9&thinsp;&ndash;&thinsp;17</p><!-- TODO: holidays "
        "--></div>",
    "@media (max-width: 600px) { .nav > li { display: block; margin: 0 auto; color: #3a7bd5; } }",
    "vmovdqu ymm0, [rsi+rax*4]\nvpaddd  ymm0, ymm0, ymm1\nadd     rax, 8\ncmp     rax, rcx\njb      .loop",
    "^(?:[A-Za-z0-9._%+-]+)@(?:[a-z0-9-]+\\.)+[a-z]{2,}$",
    "fix: do not read past the end of the last block (closes #1432)",
    "--- a/src/main.c\n+++ b/src/main.c\n@@ -10,3 +10,3 @@\n-    return n;\n+    return n < 0 ? -1 : n;",
    "How do I undo the last commit without losing my changes? `git reset --soft HEAD~1` keeps them staged.",

    /* Logs, traces, consoles. */
    "2024-02-29T23:59:58.123Z WARN [pool-3-thread-12] c.e.shop.Cart - retry 2/5 after 800 ms: connection reset by peer",
    "Traceback (most recent call last):\n  File \"app.py\", line 42, in <module>\n    main()\n  File \"app.py\", line "
        "17, in main\n    total += row[\"price\"]\nKeyError: 'price'",
    "Exception in thread \"main\" java.lang.NullPointerException: Cannot invoke \"String.length()\" because \"s\" is "
        "null\n\tat Main.main(Main.java:5)",
    "Segmentation fault (core dumped)",
    "192.0.2.17 - - [12/Mar/2021:06:25:24 +0000] \"GET /img/logo.png HTTP/1.1\" 304 0 \"-\" \"Mozilla/5.0 (X11; Linux "
        "x86_64)\"",
    "kernel: [ 1042.337581] usb 1-4: new high-speed USB device number 7 using xhci_hcd",
    "make: *** [Makefile:23: all] Error 2",
    "$ ls -l /var/log\ntotal 1284\n-rw-r----- 1 root adm  48213 Jan  7 03:10 auth.log\ndrwxr-xr-x 2 root root  4096 "
        "Jan  1 00:00 apt",

    /* Data and markup. */
    "{\"id\": 7, \"name\": \"Ada\", \"tags\": [\"admin\", \"beta\"], \"active\": true, \"score\": null, \"address\": "
        "{\"city\": \"Turin\", \"zip\": \"10121\"}}",
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><note lang=\"en\"><to>Ravi</to><body>Don&apos;t forget "
        "&lt;Friday&gt;.</body></note>",
    "date,open,high,low,close,volume\n2020-03-16,41.95,43.08,40.00,42.21,806059\n"
        "2020-03-17,42.51,43.61,41.40,42.86,810140",
    "| Model | Params | Acc. |\n|-------|-------:|-----:|\n| tiny  |   4.4M | 83.1 |\n| base  |   110M | 92.7 |",
    "services:\n  web:\n    image: nginx:1.25\n    ports:\n      - \"8080:80\"\n    restart: unless-stopped",
    "# Getting started\n\n* **Install** the package\n* Run `make check`\n* See [the manual](docs/manual.md)",
    "\\frac{\\partial u}{\\partial t} = \\alpha \\nabla^2 u, \\quad u(x, 0) = e^{-x^2}",
    "[server]\nhost = \"localhost\"\nport = 5432 # default\n\n[server.tls]\nenabled = false",
    "name=J%C3%BCrgen&lang=de&sort=-price&page=2",
    "@book{knight1921, author = {F. H. Knight}, title = {Risk, Uncertainty and Profit}, year = {1921}}",

    /* Addresses, paths, identifiers, numbers, dates. */
    "https://www.example.com/shop/item?id=4711&ref=mail#reviews", "anna.kowalska+news@mail.example.org",
    "C:\\Users\\Public\\Documents\\budget_2022_final_v3 (2).xlsx", "/usr/share/doc/libc6/changelog.Debian.gz",
    "../src/components/Button/index.tsx", "7d1f3c52-0b8e-4a6d-9c47-e2b95f1a60d3",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "SGVsbG8sIHdvcmxkIQ==", "0xDEADBEEF",
    "ISBN 978-3-16-148410-0", "1,234,567.89", "6.022e23", "17 x 23 = 391", "Tuesday, 4 July 2006, 5:30 p.m.",
    "2024-W07-3", "$4.99/mo", "48°51'24\"N 2°21'03\"E", "MCMXCIV", "v2.0.0-rc.1", "SKU: BT-4410-XL/BLK",

    /* Capitals, odd punctuation, repetition, slips of the pen. */
    "WHY IS NOBODY ANSWERING THE PHONE?! I HAVE BEEN WAITING FOR AN HOUR!!!", "the the the the of of of and and and",
    "no no no no no no no no no no no no no no no no no no no no",
    "I teh recieved it yesteday adn its allready borken, definately not recomended",
    "thisisasentencewithoutanyspaceswhichsomepeoplewritewhentheyareinahurry", "iPhone eBay McDonald's mIxEd cAsE tExT",
    "( ( ( [ [ [ { { { < < < > > > } } } ] ] ] ) ) )",
    "\"Well\" - she said -- or did she? -- '...' -- \"never mind\"...", "a.b.c.d.e.f.g; a/b/c; a_b_c; a-b-c; a|b|c",
    ".................................................................",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "   too    many     spaces\tand\ttabs   ",
    "&nbsp;&amp;&lt;br/&gt; â€œbroken encodingâ€ of a cafÃ©",
    "\u201cCurly\u201d \u2018quotes\u2019, an em dash\u2014like this\u2014an ellipsis\u2026 and a no-break\u00a0space",

    /* Other languages in Latin letters. */
    "Wie lange ist die Garantie auf dieses Gerät, und wer trägt die Kosten für den Rückversand?",
    "Nie wieder! Das Zimmer war schmutzig, das Frühstück kalt und der Empfang nach 20 Uhr nicht besetzt.",
    "Der Bundesrat stimmte am Freitag dem Gesetz zur Änderung der Straßenverkehrsordnung mit knapper Mehrheit zu.",
    "Donaudampfschifffahrtsgesellschaftskapitän",
    "Über allen Gipfeln\nIst Ruh,\nIn allen Wipfeln\nSpürest du\nKaum einen Hauch;",
    "C'est le meilleur restaurant du quartier : cuisine soignée, service aux petits oignons, addition raisonnable.",
    "Où puis-je renouveler mon passeport si j'habite à l'étranger depuis plus de cinq ans ?",
    "On a raté le train, du coup on arrive vers 23 h, désolé 😬",
    "¿Cuánto tarda el envío a Canarias y hay que pagar aduana?",
    "El producto llegó roto y el vendedor no contesta los mensajes. No lo recomiendo a nadie.",
    "En un lugar de la Mancha, de cuyo nombre no quiero acordarme, no ha mucho tiempo que vivía un hidalgo.",
    "¡Qué maravilla de película, la vería otra vez mañana mismo!",
    "A encomenda chegou antes do prazo e muito bem embalada; o cheiro do sabonete é divino.",
    "O presidente da câmara anunciou ontem que as obras da ponte só terminarão em novembro.",
    "Vocês sabem se tem como trocar a senha pelo aplicativo?",
    "Il film parte bene, ma dopo mezz'ora ci si chiede quando finirà.",
    "Mescolate la farina con il lievito, aggiungete l'acqua tiepida e lasciate riposare l'impasto per due ore.",
    "Kan ik mijn abonnement op elk moment opzeggen, of zit ik er een jaar aan vast?",
    "De fiets werd keurig op tijd bezorgd, alleen ontbrak de sleutel van het slot.",
    "Gdzie jest najbliższa apteka, która jest otwarta w niedzielę?",
    "Książka wciąga od pierwszej strony, choć zakończenie trochę mnie rozczarowało.",
    "Příliš žluťoučký kůň úpěl ďábelské ódy.", "Na námestí hrá dychová hudba a deti kŕmia holuby.",
    "Sajnos a csomag sérülten érkezett meg, ezért szeretném visszakérni az árát.",
    "Trenul de București are o întârziere de aproximativ patruzeci de minute din cauza viscolului.",
    "Jag har försökt nå kundtjänst hela veckan, men ingen svarar. Riktigt dåligt!",
    "Två kvinnor dricker kaffe på en uteservering i solen.",
    "Hvor meget koster en månedsbillet mellem Aarhus og København?",
    "Utsikten fra toppen var verdt hver eneste svettedråpe.",
    "Talvella aurinko ei nouse Utsjoella lähes kahteen kuukauteen.",
    "Tuote on laadukas, mutta käyttöohje puuttui paketista kokonaan.", "Kas homme sajab vihma või paistab päike?",
    "Vilniuje šiandien atidaryta nauja biblioteka, kurioje telpa pusė milijono knygų.",
    "Rīgas centrāltirgū vislabāk iepirkties agri no rīta.",
    "Kargom üç gündür şubede bekliyor, ne zaman dağıtıma çıkacak acaba?",
    "İstanbul Boğazı, Karadeniz ile Marmara Denizi'ni birbirine bağlar.",
    "Hôm nay trời đẹp quá, mình đi uống cà phê ở Hồ Tây nhé?",
    "Bagaimana cara mengganti nomor telepon yang sudah terdaftar di aplikasi?",
    "Kerajaan mengumumkan cuti umum tambahan sempena perayaan itu.",
    "Masarap ang pagkain pero ang tagal naming naghintay.",
    "Habari za asubuhi? Naomba kujua bei ya tiketi ya basi kutoka Nairobi hadi Mombasa.", "Haba na haba hujaza kibaba.",
    "Ina kwana? Yaya gajiya da aikin jiya?", "Ẹ káàárọ̀, ṣé dáadáa ni ẹ jí?", "Umuntu ngumuntu ngabantu.",
    "L'any passat va ploure tan poc que els pantans van quedar mig buits.",
    "Etxe zaharra ibaiaren ondoan dago, zubia baino lehen.",
    "Mae'n bwrw glaw eto, ond mae'r plant yn chwarae yn yr ardd.", "Tá an siopa dúnta inniu mar gheall ar an stoirm.",
    "Sumarið var stutt, en þó náðum við að heyja áður en fór að rigna.", "Gallia est omnis divisa in partes tres.",
    "La suno brilas kaj la birdoj kantas en la malnova ĝardeno.",
    "Hrvatska ima više od tisuću otoka, ali samo je pedesetak naseljeno.",

    /* Other scripts. */
    "Подскажите, пожалуйста, как вернуть деньги за отменённый рейс?",
    "Отличный пылесос: тихий, лёгкий, собирает даже кошачью шерсть. Рекомендую!",
    "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.",
    "В четверг в Новосибирске ожидается до минус 35 градусов, занятия в школах отменены.",
    "Двоє дітей ліплять сніговика біля старої церкви.",
    "Чи можна оплатити замовлення карткою під час отримання?",
    "Хотелът е на две крачки от плажа, но стените са тънки като хартия.",
    "Воз за Нови Сад полази у 7:40 са трећег перона.",
    "Қазақстанның астанасы қай қала?",
    "Πού μπορώ να βρω τις ώρες λειτουργίας του μουσείου;",
    "Το φαγητό ήταν νόστιμο, αλλά περιμέναμε σχεδόν μία ώρα για να μας σερβίρουν.",
    "ἄνδρα μοι ἔννεπε, Μοῦσα, πολύτροπον",
    "Բարև ձեզ, ինչպե՞ս կարող եմ հասնել կայարան։",
    "თბილისი საქართველოს დედაქალაქია და მტკვრის ნაპირზე მდებარეობს.",
    "هل يمكنني استبدال المنتج إذا كان المقاس غير مناسب؟",
    "الفندق نظيف والموظفون لطفاء، لكن الإفطار كان دون المتوقع.",
    "أعلنت وزارة الصحة اليوم بدء حملة التطعيم ضد الإنفلونزا في جميع المحافظات.",
    "بِسْمِ ٱللَّٰهِ ٱلرَّحْمَٰنِ ٱلرَّحِيمِ",
    "הסרט היה ארוך מדי, אבל השחקנית הראשית פשוט נהדרת.",
    "מתי יוצאת הרכבת האחרונה לחיפה?",
    "בַּיִת קָטָן עַל שְׂפַת הַנָּהָר, וּלְיָדוֹ עֵץ תְּאֵנָה.",
    "این کتاب را در یک شب خواندم و نمی‌توانستم زمین بگذارمش.",
    "کیا یہ دکان اتوار کو بھی کھلی رہتی ہے؟",
    "मेरा ऑर्डर अभी तक नहीं आया है, कृपया बताइए कि वह कहाँ पहुँचा।",
    "भारत की राजधानी नई दिल्ली यमुना नदी के किनारे बसी है।",
    "फ़िल्म की कहानी अच्छी है लेकिन गाने बिल्कुल बेकार हैं।",
    "उद्या सकाळी पाऊस पडेल, असे हवामान खात्याने सांगितले आहे.",
    "আমি কি এই টাকাটা কাল ফেরত দিতে পারি?",
    "বইটি এত সুন্দর যে এক বসায় পড়ে শেষ করেছি।",
    "ਸਾਡੇ ਪਿੰਡ ਵਿੱਚ ਕਣਕ ਦੀ ਵਾਢੀ ਸ਼ੁਰੂ ਹੋ ਗਈ ਹੈ।",
    "અમદાવાદથી સુરત જવા માટે કેટલો સમય લાગે છે?",
    "சென்னையில் இன்று கனமழை பெய்யும் என்று வானிலை ஆய்வு மையம் தெரிவித்துள்ளது.",
    "ఈ రోజు వంటలో ఉప్పు కొంచెం ఎక్కువైంది.",
    "ನಿಮ್ಮ ಹೆಸರು ಏನು?",
    "മഴ പെയ്തതുകൊണ്ട് കളി മാറ്റിവച്ചു.",
    "කොළඹ සිට මහනුවරට දුම්රියෙන් යාමට පැය තුනක් පමණ ගත වේ.",
    "ร้านนี้อาหารอร่อยมาก แต่ต้องรอคิวนานเกือบชั่วโมง",
    "สถานีรถไฟอยู่ที่ไหนครับ",
    "ຂອບໃຈຫຼາຍໆ",
    "ကျွန်တော် မြန်မာစာ သင်ယူနေပါတယ်။",
    "តើសំបុត្រមួយថ្លៃប៉ុន្មាន?",
    "བཀྲ་ཤིས་བདེ་ལེགས།",
    "አዲስ አበባ የኢትዮጵያ ዋና ከተማ ናት።",
    "请问这款手机支持无线充电吗？保修期是多久？",
    "这家店的服务态度太差了，等了一个小时才上菜，而且味道很一般。",
    "国家统计局周三公布的数据显示，三月份工业生产同比增长百分之四点五。",
    "床前明月光，疑是地上霜。举头望明月，低头思故乡。",
    "一名穿着黄色雨衣的小女孩在公园里喂鸽子。",
    "颱風逼近，明天全台停班停課，請民眾避免前往海邊。",
    "電池の持ちは良いのですが、画面が暗くて屋外では見づらいです。",
    "パスワードを忘れた場合はどうすればいいですか？",
    "古池や蛙飛びこむ水の音",
    "昨日の会議の議事録をお送りします。ご確認のほど、よろしくお願いいたします。",
    "今日めっちゃ暑いｗｗｗ アイス食べたい🍦",
    "ﾊﾝｶｸｶﾀｶﾅ と ＦＵＬＬＷＩＤＴＨ １２３",
    "배송은 빨랐지만 상자가 찌그러져 있었어요.",
    "서울에서 부산까지 기차로 얼마나 걸리나요?",
    "나랏말ᄊᆞ미 듕귁에 달아 文字와로 서르 ᄉᆞᄆᆞᆺ디 아니ᄒᆞᆯᄊᆡ",

    /* Mixed scripts, marks on marks, signs. */
    "I'm meeting 田中さん at the Кафе Пушкин, then on to Plaza de España.",
    "Die App sagt „Ungültige Eingabe“, wenn ich שלום oder 你好 eintippe.",
    "Bhai, kal office mein meeting hai kya? मुझे तो किसी ने बताया ही नहीं.",
    "Mañana tengo un meeting con el team, so please send me el deck ASAP",
    "Z\u0351\u0343a\u0321\u0301l\u0316\u0306g\u0323\u030ao\u0337\u0303 te\u0301le\u0301phone nai\u0308ve "
        "A\u030angstro\u0308m vs. Ångström, naïve, téléphone",
    "ﬁrst ﬂoor, № 5, 3½ ℃, Ⅳ, ①②③, x² + y³ ≤ ∞, ∑∂∫√, α→ω, ←↑→↓, ♠♥♦♣, ☎ ✓ ✗ ★",
    "ǃXóõ, /ˌɪntəˈnæʃənəl/, [ˈʃtʁaːsə], pʰ, ŋ, ɬ", "zero\u200bwidth soft\u00adhyphen\u2060joiner \ufeffmark",
    "ехаmрlе.com is not example.com", "𝕳𝖊𝖑𝖑𝖔 𝓦𝓸𝓻𝓵𝓭 Ⓗⓘ 🄰🄱🄲 𐍈 𝄞",

    /* Paragraphs of 150 to 300 words, which fill a window of 128 tokens and more. */
    "The ferry was late, as it always was when the wind came round to the north, and the few of us who were waiting "
        "had long since run out of things to say. A boy kicked a bottle cap along the quay. The woman from the post "
        "office sat on her suitcase and read the same page of her magazine again and again, or perhaps she only "
        "looked at it so that nobody would ask her where she was going. Old Henrik had brought his dog, which was not "
        "allowed on board, and had put it into a shopping bag, from which its head stuck out like a loaf of bread. "
        "When the lights of the boat at last appeared behind the breakwater, everybody stood up at once, although it "
        "would take another ten minutes to moor. I thought of my father, who had left from this same quay with one "
        "shirt and an address in Hamburg, and who used to say that the hardest part of any journey is the hour before "
        "it, when you can still turn round. I picked up my bag. Behind me the church bell struck seven, and somebody "
        "laughed, and the gangway came down with a crash that made the dog howl. \"So you are really going,\" said "
        "Henrik. It was not a question, and I did not answer it.",
    "Lighthouses were lit with wood or coal until the end of the eighteenth century, when oil lamps with hollow wicks "
        "and polished reflectors made their beams both brighter and steadier. The decisive step came in 1822: "
        "Augustin Fresnel, an engineer of the French commission for lighthouses, showed that a large lens could be "
        "replaced by rings of prisms, each of which bends the light by just the angle that is needed. A lens of this "
        "kind weighs a fraction of a solid one and wastes far less light, so that a lamp no stronger than a modern "
        "bicycle's could be seen from twenty nautical miles away. By turning the whole apparatus on a bath of "
        "mercury, keepers gave every light a rhythm of its own, by which sailors told one headland from the next; the "
        "rhythms were printed in lists that had to be bought anew each year. Electricity, which arrived in the 1870s, "
        "changed the source but not the optics. Automation did away with the keepers: the last manned light of many "
        "countries went over to remote control between 1980 and 2000. Today, when every ship finds its way by "
        "satellite, most lights are kept burning as a reserve, and because the people who live beside them cannot "
        "imagine the night without them.",
    "I have owned this coffee machine for eight months now, so here is a review that isn't written in the first flush "
        "of love. Let's start with the good: it heats up in under a minute, the grinder is quieter than that of my "
        "old machine, and the espresso is honestly better than what I get at the café downstairs. The milk system "
        "makes dense, sweet foam, and it rinses itself, which my teenagers appreciate because they never would. Now "
        "for the bad. The water tank holds barely a litre, and because every switching on and off costs a rinse, you "
        "will be filling it twice a day in a household of four. The app is a joke: it wants my location, my contacts "
        "and my birthday in order to tell me that the drip tray is full. In March the brewing unit started to squeak; "
        "support answered after nine days with a link to the manual. I greased it myself (food-safe silicone grease, "
        "five minutes, there is a video) and it has been fine ever since. Would I buy it again? At the full price of "
        "899, no. I got mine refurbished for 540, and at that price I'd say it is the best machine you can buy, "
        "provided that you never, ever install the app. 4/5.",
    "Background: Handwashing is the simplest measure against hospital infections, yet observed compliance rarely "
        "exceeds 60%. Objective: To find out whether feedback at the level of the ward, given weekly, improves "
        "compliance more than posters do. Methods: In a cluster-randomised trial we assigned 36 wards in 9 hospitals "
        "to weekly feedback or to posters for 12 months. Trained observers who did not know the assignment recorded "
        "opportunities for hand hygiene in 20-minute sessions. The primary outcome was the proportion of "
        "opportunities taken; secondary outcomes were consumption of alcohol rub and the incidence of bloodstream "
        "infections per 1,000 patient-days. Results: A total of 21,480 opportunities were observed. Compliance rose "
        "from 54.1% to 71.8% in the feedback group and from 55.0% to 59.3% in the control group (adjusted odds ratio "
        "1.74, 95% CI 1.41 to 2.15, p < 0.001). The effect was larger among nurses than among physicians and faded by "
        "about a third within six months after the end of the intervention. Consumption of alcohol rub followed the "
        "same pattern. Infections fell in both groups, without a significant difference between them (rate ratio "
        "0.91, 95% CI 0.74 to 1.12). Conclusions: Weekly feedback is cheap and improves hand hygiene, but its effect "
        "does not last by itself; larger trials are needed to show whether it prevents infections.",
    "So I finally got it to work, and since I found this thread at three in the morning and nobody had posted an "
        "answer, here's what it was. Short version: the cable. Long version: my setup is a second-hand office PC "
        "(i5-6500, 16 GB RAM) with two monitors, one on DisplayPort, one on HDMI. After the update to 22.04 the "
        "second monitor would come up at 1024x768 and nothing I did in the settings or with xrandr would change it; "
        "\"cvt 2560 1440\" followed by \"--addmode\" gave \"X Error of failed request: BadMatch\". I tried another "
        "driver, another kernel (5.15 and 6.2), nomodeset (don't), a new xorg.conf, deleting ~/.config/monitors.xml, "
        "swapping the ports, and a live USB stick, which had the same problem, so that it could not be my "
        "installation at all!! At that point I looked at `edid-decode < /sys/class/drm/card0-HDMI-A-1/edid` and the "
        "file was EMPTY. The monitor never told the card what it can do. New cable for 7 euros, everything works at "
        "once, 75 Hz and all. The old one must have had a broken pin: it still carries a picture, just not the few "
        "wires on which the two of them talk. Moral of the story: check the stupid things first. Hope this saves "
        "somebody a night.",
    "1. Subject matter. These conditions govern the use of the lending service (\"the Service\") that the Association "
        "offers to its members. 2. Membership. Any person over the age of sixteen may become a member by signing the "
        "form and paying the annual fee; the board may refuse an application without giving reasons. 3. Loans. (a) A "
        "member may borrow up to five items at a time, for a period not exceeding twenty-eight days. (b) The period "
        "may be extended once, unless another member has reserved the item. (c) Items marked \"R\" are for use on the "
        "premises only. 4. Liability. The member is liable for loss of or damage to an item from the moment of its "
        "delivery until its return, save to the extent that such loss or damage results from fair wear and tear or "
        "from a defect that was present beforehand. Power tools shall be used only in accordance with the "
        "manufacturer's instructions; the Association accepts no liability for injuries caused by improper use, "
        "except in cases of intent or gross negligence. 5. Late return. For each commenced week of delay a charge of "
        "EUR 2.00 per item falls due, up to the replacement value. 6. Termination. Either party may terminate "
        "membership in writing with one month's notice to the end of a calendar quarter. 7. Severability. Should any "
        "provision be or become invalid, the validity of the remaining provisions shall not be affected thereby.",
    "LISBON, 14 October. Firefighters brought a blaze in the hills east of the city under control on Saturday "
        "evening, after a night in which some 1,200 people had to leave their homes. Four people were treated for "
        "smoke inhalation; nobody was seriously hurt. The fire broke out on Friday shortly after 3 p.m. near a "
        "sawmill and, driven by gusts of up to 70 kilometres an hour, jumped the motorway within an hour. \"We could "
        "hear it before we saw it,\" said Teresa Mendes, 71, who spent the night in a school gymnasium with two cats "
        "and a canary. \"It sounded like the sea.\" The authorities closed the A13 in both directions and cut power "
        "to six villages as a precaution. Eleven aircraft, two of them sent by Spain, dropped water until dusk. The "
        "mayor, who has called for stricter rules on the clearing of undergrowth since the fires of 2017, said that "
        "it was \"a miracle, and a warning\". The opposition accused the government of having delayed the purchase of "
        "new engines; a spokesman for the ministry rejected that and pointed to a tender that closes in November. The "
        "police are investigating whether sparks from a saw were the cause. Rain is forecast for Monday, but "
        "meteorologists warn that bare slopes may then begin to slide.",
    "Before you start, make sure that the bicycle stands firmly and that the chain is on the smallest sprocket; this "
        "takes the tension out of the cable and makes everything that follows easier. Open the brake, loosen the axle "
        "nuts (or the quick release) and pull the derailleur back with one hand while you lift the wheel out with the "
        "other. Let out what air is left. Now push the tyre away from the rim all the way round, because old rubber "
        "likes to stick. Slip the first tyre lever under the edge opposite the valve, pry it over the rim and hook it "
        "to a spoke; put the second one a hand's breadth further along, and from there you can usually run it round "
        "the whole wheel. Take out the tube, but remember which way round it lay: if you find the hole in the tube, "
        "you will know where to look for the thorn in the tyre. Run your fingers carefully along the inside, for "
        "whatever made the first hole is likely to make a second. Pump a little air into the new tube, just enough to "
        "give it a shape, put the valve through its hole and work the tyre back with your thumbs, ending at the "
        "valve. Do not use the levers for this! Inflate to the pressure printed on the sidewall (3 to 4 bar for most "
        "city bikes), and check that the tyre sits evenly all round.",
    "It is often said that nobody reads any more, usually by people who read a great deal and about people whom they "
        "have never asked. The figures tell a duller story. Fewer novels are sold than thirty years ago, but more "
        "words pass before the eyes of an average twenty-year-old in a day than before those of her grandmother in a "
        "week: messages, captions, subtitles, recipes, rules of games, the small print of a delivery service. What "
        "has changed is not whether we read but how long we stay. A page used to be a place where one was alone for a "
        "while; now it is a corridor with many doors. I do not think that this makes us stupid. Skimming is a skill, "
        "and a fine one: the clerk, the editor and the rabbi have always had it. But it is not the only one, and the "
        "other, which consists in following a thought for an hour without knowing where it leads, withers if it is "
        "never used, as languages do. So I have made a modest experiment. For a month I read for one hour every "
        "evening, on paper, with the telephone in another room. In the first week I was bored and slept badly; in the "
        "second I was merely bored. In the third something odd happened: I began to look forward to the hour, and it "
        "began to be too short.",
    "The Arctic tern, Sterna paradisaea, weighs about 110 grams and flies some 70,000 kilometres a year. Q: How do we "
        "know? A: Since 2007, loggers that weigh 1.4 g have been fixed to the legs of birds at their nests in "
        "Greenland, Iceland and the Netherlands; they record the light every few minutes, and from the times of dawn "
        "and dusk one can work out where the bird was on that day, to within 200 km or so. Q: Which way do they go? "
        "A: South along the coast of Europe to the waters off north-west Africa. There the flock divides: some follow "
        "Africa, some cross to Brazil. All of them spend the southern summer at the edge of the ice of the Weddell "
        "Sea, and on their way back, in April and May, they trace a giant S up the Atlantic, which is longer than the "
        "direct route but has the wind behind it. Q: Why so far? A: Because there are two summers in it. A tern sees "
        "more daylight in a year than any other creature. Q: How old do they get? A: Thirty years is not unusual, so "
        "that an old bird has flown the equivalent of three or four trips to the Moon and back. Q: Are they "
        "endangered? A: Not as a species; but colonies on the southern edge of their range, in Britain and Brittany "
        "for instance, have shrunk by half since the 1980s.",
    "Als ich im Herbst 1989 in die Wohnung in der Kastanienallee einzog, gab es im ganzen Haus ein einziges Telefon, "
        "und das stand bei Frau Blaschke im Erdgeschoss auf einem Häkeldeckchen. Wer angerufen werden wollte, musste "
        "sich mit ihr gut stellen: Man brachte ihr Kohlen aus dem Keller, und sie klopfte dafür mit dem Besenstiel an "
        "die Heizungsrohre, einmal für den ersten Stock, zweimal für den zweiten und so fort. Bei mir im vierten kam "
        "meistens nur ein dumpfes Grollen an, von dem man nie genau wusste, ob es dreimal, viermal oder die "
        "Straßenbahn gewesen war. So lief ich an manchen Abenden sechs- oder siebenmal umsonst hinunter, und jedes "
        "Mal sagte Frau Blaschke, ohne vom Fernseher aufzusehen: »Für Sie nicht, junger Mann, aber setzen Sie sich "
        "doch.« Auf diese Weise habe ich in jenem Winter, in dem sich draußen alles änderte, nicht nur sämtliche "
        "Nachrichten gesehen, sondern auch erfahren, wie man Quitten einkocht, weshalb ihr zweiter Mann nichts taugte "
        "und dass man einem Staat, der die Kohlen zu spät liefert, auch sonst nichts glauben darf. Der Anruf, auf den "
        "ich wartete, kam übrigens im März. Da hatte ich ihn fast vergessen.",
    "La cooperativa nació en 1974, cuando once familias del valle decidieron vender juntas la leche que hasta "
        "entonces compraba, al precio que él quería, un único intermediario de la capital. El primer camión era "
        "prestado y la primera cámara frigorífica, una cueva. «Nos llamaban locos», recuerda Amparo Villar, que "
        "llevaba las cuentas en un cuaderno escolar y que hoy, con 83 años, sigue acudiendo a todas las asambleas. En "
        "1986, con la entrada en la Comunidad Económica Europea, llegaron las cuotas lecheras y muchas granjas "
        "cerraron; la cooperativa resistió porque había empezado a elaborar queso, un producto que, a diferencia de "
        "la leche, puede esperar. Actualmente cuenta con 140 socios, factura unos 19 millones de euros al año y "
        "exporta a catorce países, entre ellos Francia, donde, según cuenta con orgullo el gerente, ganó en 2018 una "
        "medalla de plata frente a más de mil competidores. ¿El secreto? «No hay secreto: pastos altos, vacas "
        "tranquilas y pagar a tiempo», responde. El futuro, sin embargo, preocupa a todos: la edad media de los "
        "socios supera los 57 años, y apenas uno de cada cinco tiene un hijo dispuesto a levantarse a las cinco de la "
        "mañana.",
    "Поезд из Москвы во Владивосток идёт почти семь суток и пересекает восемь часовых поясов. В первый день пассажиры "
        "ещё смотрят в телефоны и почти не разговаривают друг с другом; на второй, когда связь пропадает, кто-нибудь "
        "непременно достаёт варёные яйца, соль в спичечном коробке и карты. К Уралу все уже знают, у кого сколько "
        "внуков и кто куда едет: студентка к жениху в Читу, пожилой геолог на встречу однокурсников, двое братьев на "
        "заработки. Проводница Нина Петровна, которая ездит по этому маршруту двадцать шестой год, утверждает, что "
        "может угадать профессию человека по тому, как он размешивает сахар. «Врачи стучат ложкой, учителя никогда», "
        "— говорит она и смеётся. За окном тем временем тянутся берёзы, потом болота, потом снова берёзы, и только на "
        "пятое утро, если повезёт с погодой, справа вдруг открывается Байкал, и весь вагон молча стоит у окон целых "
        "два часа. А вы решились бы на такую поездку, если самолёт долетает за восемь с половиной часов и стоит почти "
        "столько же?",
    "每年清明前后，村里的人天不亮就上山采茶。这个时候的茶叶最嫩，一斤干茶要六七万个芽头，"
        "手快的人一天也只能采两斤鲜叶。老陈今年七十二岁，炒茶炒了五十多年，他说机器做的茶样子漂亮，可是没有“锅气”。"
        "炒茶的铁锅温度在两百度左右，他从来不戴手套：“手一伸进去，就知道火大了还是小了。”前几年，儿子从杭州辞职回来，"
        "开了一家网店，还学会了直播。刚开始，老陈觉得对着手机说话很丢人，后来发现有人从新疆下单，才慢慢高兴起来。"
        "去年他们一共卖了三百多斤，比过去卖给茶商多赚了将近一倍。不过问题也不少：愿意学炒茶的年轻人越来越少，"
        "春天的雨也越来越没有规律。“茶是等不得人的，”老陈一边翻着锅里的叶子一边说，“晚一天，就是另外一个价钱，"
        "另外一个味道。”",
    "تقع المكتبة القديمة في الطابق الثاني من مبنى حجري لا يبعد سوى خطوات عن سوق التوابل، ولا يعرف طريقها إلا من دلّه "
        "عليها أحد. أسّسها عام 1921 معلّم اسمه يوسف الحدّاد، باع قطعة أرض ورثها عن أبيه ليشتري أول مئتي كتاب، وكان يعير "
        "الكتب بلا مقابل شرط أن يعود القارئ فيروي له ما قرأ. واليوم تضم المكتبة نحو أربعين ألف مجلد، من بينها ثلاثمئة "
        "مخطوطة لم تُفهرس بعد. تقول حفيدته سلمى، وهي مهندسة تركت عملها في الخليج لتتفرغ لهذه المهمة: «في كل صندوق "
        "أفتحه مفاجأة، وفي كل صفحة غبار يكفي لشهر من العطاس». وقد بدأت قبل سنتين، بمساعدة متطوعين من الجامعة، تصوير "
        "المخطوطات ونشرها على الإنترنت، غير أن انقطاع الكهرباء وضيق المال يؤخران العمل. فهل تكفي محبة الكتب وحدها "
        "لإنقاذها؟",
    "祖母の家には、使わなくなった井戸が一つある。子どものころ、のぞき込むたびに「落ちたら河童に食べられるよ」"
        "と叱られたものだ。ふたの隙間から石を落とすと、ずいぶん間があってから、ぽちゃんと小さな音がした。"
        "十年ぶりに訪ねてみると、井戸の周りには背の高い草が茂り、ふたはコンクリートに替わっていた。市の職員によれば、"
        "二〇一一年の震災のあと、断水に備えて古い井戸を調べ直したところ、ここの水は今でも飲めることが分かったという。"
        "そこで手押しポンプを取り付け、月に一度、町内会で点検しているそうだ。試しに柄を押してみた。"
        "最初は空気の音しかしなかったが、七、八回目で急に重くなり、冷たい水が勢いよくあふれ出した。"
        "両手ですくって飲むと、かすかに鉄の味がした。河童は、どうやら留守らしい。",
};
// clang-format on

/* A comma that is missing joins two texts. */
_Static_assert(sizeof tern_builtin_texts / sizeof *tern_builtin_texts == TERN_BUILTIN_TEXTS, "one string a text");
