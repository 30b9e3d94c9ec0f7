"""The words by which people call tracks, in English, French, German, Spanish, Italian, Portuguese.

All are without accents, and in the singular where an s makes the plural. Commas part them; a word
group such as "bass drum" must stand as a whole.
"""

ROLE_WORDS = {
    "kick": """
        kick, kik, kck, bd, bass drum, kd, grosse caisse, grosse trommel, basstrommel, bassdrum,
        bombo, bumbo, cassa, gran cassa
    """,
    "snare": """
        snare, sn, snr, sd, sidestick, side stick, rimshot, rim, clap, caisse claire, kleine
        trommel, caja, redoblante, rullante, caixa, tarola
    """,
    "hihat": """
        hi hat, hihat, hat, hh, charleston, contratiempo, chimbal, contratempo
    """,
    "tom": "tom, floor, floortom, racktom, timpano, surdo, standtom, haengetom, hangetom",
    "overhead": "over head, overhead, oh, ohl, ohr, ovh, aereo, panoramico, panoramici",
    "room": "room, amb, ambience, ambiance, ambiente, raum, raummikrofon, sala",
    "cymbal": """
        cymbal, cym, crash, crashe, ride, splash, splashe, china, cymbale, becken, platillo,
        plato, piatto, piatti, prato
    """,
    "percussion": """
        perc, percussion, shaker, tamb, tambourine, tamburin, tamburine, schellenkranz, conga,
        bongo, cowbell, maraca, guiro, cajon, djembe, tabla, triangle, woodblock, percusion,
        percussione, percussioni, percussao, percussoe, perkussion, schlagwerk, pandereta,
        pandeiro, palma
    """,
    "drums": """
        drum, drumkit, drumbeat, drumloop, 909, batterie, schlagzeug, trommel, trommeln,
        bateria, batteria
    """,
    "bass": """
        bass, sub synth, synth sub, 808, double bass, upright, basse, kontrabass, contrebasse,
        bajo, contrabajo, basso, contrabbasso, baixo, contrabaixo, ebass
    """,
    "backing vocal": """
        bgvox, bgv, bvox, bv, choir, ad lib, adlib, choeur, chor, chore, choere,
        hintergrundgesang, coro, cori, coral
    """,
    "vocal": """
        vox, vx, lv, vocal, voc, voice, lead vox, sing, singer, rap, narration, speech, voix,
        chant, chanteur, chanteuse, gesang, stimme, stimmen, gesange, gesaenge, voz, voze, voce,
        vocale, vocali, cantante, voci, canto, vocai, vocais
    """,
    "guitar": """
        guitar, gtr, egtr, agtr, gt, banjo, ukulele, uke, mandolin, guitare, gitarre, gitarren,
        egitarre, akustikgitarre, rhythmusgitarre, leadgitarre, guitarra, chitarra, chitarre,
        violao, violoe, cavaquinho, mandoline, mandolina, mandolino
    """,
    "keys": """
        key, piano, pno, organ, hammond, rhodes, wurli, wurlitzer, clav, clavinet, keyboard,
        harpsichord, accordion, mellotron, clavier, orgue, accordeon, klavier, orgel, flugel,
        fluegel, akkordeon, tasten, teclado, organo, orgao, acordeon, acordeao, tastiera,
        tastiere, pianoforte, fisarmonica
    """,
    "strings": """
        string, violin, viola, cello, celli, fiddle, harp, corde, violon, violoncelle,
        streicher, geige, geigen, bratsche, cuerda, violine, violinen, violonchelo, archi,
        violino, violini, violoncello, corda, violoncelo
    """,
    "brass": """
        brass, horn, trumpet, tpt, sax, saxe, saxophone, trombone, tbn, tuba, flute, clarinet,
        oboe, bassoon, woodwind, cuivre, trompette, clarinette, hautbois, blaeser, blaser,
        trompete, trompeten, posaune, posaunen, saxophon, floete, flote, floeten, floten,
        klarinette, metale, viento, trompeta, trombon, saxofon, flauta, clarinete, fiati,
        ottoni, tromba, trombe, sassofono, flauto, flauti, clarinetto, metai, metais, sopro,
        saxofone
    """,
    "synth": "synth, synthe, synthesizer, arp, lead, sintetizador, sintetizadore, sintetizzatore",
    "pad": "pad, drone, texture, nappe, flache, flachen, flaeche, flaechen",
    "effect": """
        fx, effect, sfx, noise, riser, echo, effet, bruit, effekt, effekte, gerausch, gerausche,
        geraeusch, efecto, ruido, effetto, effetti, rumore, rumori, efeito
    """,
}  # fmt: skip
"""The words for each role. Where words of several stand in one name, the first of this order has
it: "Bass Drum" is no bass, and "Drum Room" is a room."""

WEAK_WORDS = {
    "hihat": "charley, charlie, charles, charle",
    "drums": "beat, loop, boucle",
    "bass": "sub",
    "backing vocal": """
        bg, bgd, bkg, bkgd, back, backing, backup, background, harmony, harmonie, ooh, aah
    """,
    "guitar": "ac, acoustic, electric, elec, clean, dirty, rhythm, slide, pedal steel, steel",
}
"""Words that tell a role where none of the others does: "Guitar Loop" is a guitar."""

NO_LEAD = f"{WEAK_WORDS['backing vocal']}, harm, double, dbl, gang, group, whisper, chorus, stack"
"""Words that make a backing vocal of a vocal."""

ALONE = {"hihat": ("h",), "kick": ("k",), "bass": ("b",), "vocal": ("v",), "guitar": ("g",)}
"""Letters that tell a role only where they are the whole name: "Guitar H" is no hi-hat."""

FURTHER_WORDS = """
    in, out, inside, outside, top, bottom, btm, bot, under, left, right, l, r, c, mic, di, amp,
    main, lead, close, sub, stem, dry, wet, track, dub, high, low, hi, lo, verse, hook, one, two
"""
"""What a role word is joined with: "kickin", "bassdi", "leadvox"."""
