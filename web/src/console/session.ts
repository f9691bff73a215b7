// Who is signed in, and what they may do.

import { useQuery } from "@tanstack/react-query";
import { api, told } from "../api/client";

export function useSession() {
  return useQuery({
    queryKey: ["session"],
    staleTime: 60_000,
    queryFn: async () => told(await api.GET("/v1/session")),
  });
}

/** Whether who is signed in may do that somewhere; no before it is known. */
export function useMay(): (permission: string) => boolean {
  const permissions = useSession().data?.permissions ?? [];
  return (permission) => permissions.includes(permission);
}
