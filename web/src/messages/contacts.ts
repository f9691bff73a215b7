import { filled, language } from ".";
import { de } from "./contacts.de";
import { en, type ContactsKey, type ContactsMessages } from "./contacts.en";

export const CONTACTS_LANGUAGES: Readonly<Record<string, ContactsMessages>> = { en, de };

/** A text of the dialogs of contacts, with what stands in braces put in. */
export function put(key: ContactsKey, values: Readonly<Record<string, string>> = {}): string {
  return filled((CONTACTS_LANGUAGES[language] ?? en)[key], values);
}
