// One way to a TURN server by itself. Pure.

export const WAYS = ["udp", "tcp", "tls"] as const;
export type Way = (typeof WAYS)[number];

/** The server, reached by one way alone. */
export function only(servers: readonly RTCIceServer[], way: Way): RTCIceServer | undefined {
  const fits = (url: string) => (way === "tls" ? url.startsWith("turns:") : url.startsWith("turn:") && url.endsWith(`transport=${way}`));
  for (const server of servers) {
    const urls = [server.urls].flat().filter(fits);
    if (urls.length > 0) return { ...server, urls };
  }
  return undefined;
}
