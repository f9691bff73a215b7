// Files of messages: brought and fetched over HTTP.

import { accessToken } from "../api/signin";

async function asked(path: string, init: RequestInit): Promise<Response> {
  const answer = await fetch(path, {
    ...init,
    credentials: "omit",
    headers: { "Content-Type": "application/octet-stream", Authorization: `Bearer ${await accessToken()}` },
  });
  if (answer.ok) return answer;
  const problem = (await answer.json().catch(() => ({}))) as { what?: string };
  throw new Error(problem.what ?? `HTTP ${String(answer.status)}`);
}

/** Bring a file to the site. Gives the id by which a message can be sent with it. */
export async function bring(file: File): Promise<{ id: string; name: string }> {
  const answer = await asked(`/v1/messages/files?name=${encodeURIComponent(file.name)}`, {
    method: "POST",
    body: file,
  });
  return (await answer.json()) as { id: string; name: string };
}

/** Let the browser save the file of a message. It is never opened within the page. */
export async function save(message: string, name: string): Promise<void> {
  const answer = await asked(`/v1/messages/${message}/file`, {});
  const address = URL.createObjectURL(await answer.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  window.setTimeout(() => { URL.revokeObjectURL(address); }, 60_000);
}
