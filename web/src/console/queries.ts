// What several pages ask for.

import { useQuery } from "@tanstack/react-query";
import { api, told } from "../api/client";
import type { components } from "../api/schema";
import { useMay } from "./session";

export type Person = components["schemas"]["Person"];
export type Site = components["schemas"]["SiteState"];

/** Homes that people can have. */
export function useHomes(): string[] {
  const sites = useQuery({
    queryKey: ["sites"],
    staleTime: 30_000,
    queryFn: async () => told(await api.GET("/v1/sites")),
  });
  return (sites.data ?? []).map(({ name }) => name);
}

/** The site whose directory it is; undefined while that is unknown. */
export function useAuthority(): Site | undefined {
  const sites = useQuery({
    queryKey: ["sites"],
    staleTime: 30_000,
    queryFn: async () => told(await api.GET("/v1/sites")),
  });
  return sites.data?.find(({ authority }) => authority);
}

/** The name of the site whose console this is; undefined while that is unknown. */
export function useHere(): string | undefined {
  const sites = useQuery({
    queryKey: ["sites"],
    staleTime: 30_000,
    queryFn: async () => told(await api.GET("/v1/sites")),
  });
  return sites.data?.find(({ here }) => here)?.name;
}

/** Names of the connectors of this site, where whoever asks may see them; calls enter at those as well. */
export function useConnectors(): string[] {
  const may = useMay();
  const found = useQuery({
    queryKey: ["connectors"],
    staleTime: 30_000,
    enabled: may("connector.read"),
    queryFn: async () => told(await api.GET("/v1/connectors")),
  });
  return (found.data ?? []).map(({ name }) => name);
}
