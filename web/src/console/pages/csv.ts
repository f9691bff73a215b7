// CSV as spreadsheets write it, to the rows that the API takes, and back. Pure.

/** Cells of each line (RFC 4180); the separator is whichever of , and ; comes first in the heading. */
export function cellsOf(text: string): string[][] {
  const clean = text.replace(/^\uFEFF/, "");
  const separator = /[,;]/.exec(clean.split("\n", 1)[0] ?? "")?.[0] ?? ",";
  const lines: string[][] = [];
  let line: string[] = [];
  let cell = "";
  let quoted = false;
  for (let place = 0; place < clean.length; place++) {
    const letter = clean.charAt(place);
    if (quoted) {
      if (letter !== '"') cell += letter;
      else if (clean.charAt(place + 1) === '"') cell += clean.charAt(place++);
      else quoted = false;
    } else if (letter === '"' && cell === "") {
      quoted = true;
    } else if (letter === separator || letter === "\n") {
      line.push(cell);
      cell = "";
      if (letter === "\n") {
        lines.push(line);
        line = [];
      }
    } else if (letter !== "\r") {
      cell += letter;
    }
  }
  lines.push([...line, cell]);
  return lines;
}

/** One row for each line that is not empty: column to cell, and `line`, by which errors name it. Empty cells are left out. */
export function rowsOf(text: string): Record<string, unknown>[] {
  const [heading = [], ...lines] = cellsOf(text);
  const names = heading.map((each) => each.trim().toLowerCase());
  return lines.flatMap((cells, index) => {
    if (cells.every((cell) => cell.trim() === "")) return [];
    const row: Record<string, unknown> = { line: index + 2 };
    cells.forEach((cell, place) => {
      const name = names[place] ?? `column ${String(place + 1)}`;
      if (cell.trim() !== "") row[name] = name === "groups" ? cell.split(";").map((each) => each.trim()).filter(Boolean) : cell.trim();
    });
    return [row];
  });
}

/** A file for spreadsheets. What one would take for a formula gets a quote in front. */
export function csvOf(heading: string[], rows: string[][]): string {
  const cell = (text: string) => {
    const safe = /^'*[=+\-@\t\r]/.test(text) && !/^\+\d+$/.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [heading, ...rows].map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

/** Lets the browser keep a text as a file. */
export function download(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
