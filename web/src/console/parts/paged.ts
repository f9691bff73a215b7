// Long lists that lead from page to page by the Link header (RFC 8288).

import { useInfiniteQuery } from "@tanstack/react-query";
import { told } from "../../api/client";

interface Answer<Row> {
  data?: Row[];
  error?: unknown;
  response: Response;
}

/** The parameter `name` of where the next page is; undefined on the last one. */
export function nextOf(link: string | null, name: string): string | undefined {
  const address = /<([^>]*)>;\s*rel="next"/.exec(link ?? "")?.[1];
  return address === undefined ? undefined : (new URLSearchParams(address.split("?")[1] ?? "").get(name) ?? undefined);
}

/** Pages that were asked for so far, as one list. `ask` is given where the page begins; null for the first. */
export function usePaged<Row>(key: readonly unknown[], name: string, ask: (start: string | null) => Promise<Answer<Row>>, refreshMs?: number) {
  const found = useInfiniteQuery({
    queryKey: key,
    initialPageParam: null as string | null,
    ...(refreshMs === undefined ? {} : { refetchInterval: refreshMs }),
    queryFn: async ({ pageParam }) => {
      const answer = await ask(pageParam);
      return { rows: told<Row[]>(answer), next: nextOf(answer.response.headers.get("Link"), name) };
    },
    getNextPageParam: ({ next }) => next,
  });
  return { ...found, rows: found.data?.pages.flatMap(({ rows }) => rows) };
}
