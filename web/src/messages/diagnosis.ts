import { filled, language } from ".";
import { de } from "./diagnosis.de";
import { en, type DiagnosisKey, type DiagnosisMessages } from "./diagnosis.en";

export const DIAGNOSIS_LANGUAGES: Readonly<Record<string, DiagnosisMessages>> = { en, de };

/** A text of how calls sound, with what stands in braces put in. */
export function tell(key: DiagnosisKey, values: Readonly<Record<string, string>> = {}): string {
  return filled((DIAGNOSIS_LANGUAGES[language] ?? en)[key], values);
}

/** The same for what has no text of its own, which is told as it stands. */
export function named(kind: string, value: string): string {
  const key = `${kind}.${value}`;
  return key in en ? tell(key as DiagnosisKey) : value;
}
