/* The texts on which verify.c compares a converted model with the f32 model: plain sentences of several lengths, kinds
   and languages, and the odd short strings on which quantised models are furthest off. */
#include "quant/check_texts.h"

const char *const tern_check_texts[TERN_CHECK_TEXTS] = {
    "k",
    "fine",
    "--",
    "void",
    "``",
    "17",
    "OK!!!",
    "I thank him.",
    "It was terrible.",
    "Who wrote it?",
    "the the the the the the the the",
    "The food was cold, but the staff could not have been kinder.",
    "How do I reset my password if I no longer have access to my e-mail?",
    "An elegant, moving and often very funny film that never talks down to its audience.",
    "The train from Oslo to Bergen leaves at 8:25 and takes about seven hours through the mountains.",
    "I would not recommend this to anyone: the battery died after two days and support never answered.",
    "Transformers process all tokens of a sentence at once, which makes them well suited to parallel hardware.",
    "Dans la vallée, l'été est court; naïve façades and über-cool cafés close by 10 p.m.",
    "Prices rose by 3.4 % in March, after 2.9 % in February, while wages grew more slowly than expected.",
    "Two dogs are running along the beach, a man throws a ball into the sea, and a few gulls fight over some bread.",
    "A woman is slicing an onion.",
    "Nobody is playing the violin in the empty station.",
    "what is the boiling point of ethanol at 2000 m",
    "Can I return a jacket without its receipt, and who pays for the parcel?",
    "Der Zug hatte zwanzig Minuten Verspätung, weil ein Baum auf den Gleisen lag.",
    "¿Dónde puedo comprar entradas para el concierto de esta noche?",
    "Il gatto dorme sul davanzale, come ogni pomeriggio.",
    "Завтра обещают снег и сильный ветер.",
    "今日は朝から雨が降っています。",
    "我们明天上午九点在图书馆门口见面。",
    "هل يمكنك أن تخبرني كم الساعة الآن؟",
    "मौसम आज बहुत अच्छा है।",
    "Bugün hava çok güzel, değil mi?",
    "😀 so happy right now 🎉🎉",
    "https://example.org/a/b?c=1&d=2#e",
    "def area(r):\n    return 3.14159 * r ** 2",
    "SELECT name, count(*) FROM visits WHERE day > '2021-03-01' GROUP BY name;",
    "ERROR 503: upstream timed out after 30000 ms (node-17, retry 4/5)",
    "To: all staff. Please note that the east entrance stays closed until Friday; use the yard instead.",
    "Patients with an eGFR below 30 mL/min received half the dose for the first two weeks.",
    "The court held that the notice had been served in time, and dismissed the appeal with costs.",
    "Goal!!! What a strike from thirty yards, straight into the top corner.",
    "Mix the flour with the salt, rub in the butter, add just enough cold water, and let the dough rest for an hour.",
    "Her first novel, written on night trains, was turned down eleven times before a small press in Leeds took it.",
    "The comet passed within 0.03 astronomical units of the planet, close enough for its dust to fall as meteors.",
    "my phone wont charge tried 3 cables same thing happens every time pls help",
    "Turnover fell to 1.2 billion euros, a loss of 7 cents a share; the board proposes no dividend and expects the "
    "second "
    "half to be better, provided that freight rates, which doubled in the spring, come down again.",
    "It is a curious town. By day the market fills the square with oranges, radios, second-hand coats and live hens, "
    "and "
    "you cannot hear yourself think; by nine in the evening there is nobody, only the fountain, the cats on the warm "
    "stones, and from one window or another a piano that somebody has been learning for as long as anyone remembers.",
};
