// One piece of work at a time: whether it goes on, and what became of it.

import { useMutation } from "@tanstack/react-query";
import { useAct } from "./Proving";

/**
 * Work of which one runs at a time, with the second factor where the site asks for it (useAct).
 *
 * gcTime: what was typed, passwords among it, is in no cache once the form is gone. networkMode: a browser that takes
 * itself for offline still reaches a site on its own network, and else the fault is said at once.
 */
export function useWork<Result, Given = void>(work: (given: Given) => Promise<Result>, done?: (result: Result) => void) {
  const act = useAct();
  return useMutation<Result, Error, Given>({
    mutationFn: (given) => act(() => work(given)),
    gcTime: 0,
    networkMode: "always",
    ...(done === undefined ? {} : { onSuccess: (result: Result) => { done(result); } }),
  });
}
