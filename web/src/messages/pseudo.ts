// No language, but how the application looks in one that is written from right to left: English, with each text turned
// about (as the locale ar-XB of CLDR has it). Chosen by hand alone, by who works on the layout.

import { en, type Messages } from "./en";

const [TURNED, BACK] = ["\u202e", "\u202c"];

const turned = (text: string) => text.replace(/\{\w+\}|[^{]+/g, (part) => (part.startsWith("{") ? part : `${TURNED}${part}${BACK}`));

export const pseudo = Object.fromEntries(Object.entries(en).map(([key, text]) => [key, turned(text)])) as Messages;
