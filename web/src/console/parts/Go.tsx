// Links and leaving within the console. Every page says itself what its address may hold (router.tsx).

import { Link as FluentLink, type LinkProps } from "@fluentui/react-components";
import { createLink, useLocation, useNavigate, useRouter } from "@tanstack/react-router";
import { useMemo, type ComponentType, type ReactNode, type Ref } from "react";

export interface Where {
  to: string;
  params?: Record<string, string>;
  search?: Record<string, string | undefined>;
}

type AnchorProps = Extract<LinkProps, { as?: "a" }>;

function Anchor({ ref, ...rest }: AnchorProps & { ref?: Ref<HTMLAnchorElement> }) {
  // A number that leads somewhere keeps its plus in front where the page goes from right to left.
  return <FluentLink dir="auto" {...rest} as="a" ref={ref as never} />;
}

interface GoProps extends Where {
  children: ReactNode;
  className?: string;
  "aria-label"?: string;
}

export const Go = createLink(Anchor) as unknown as ComponentType<GoProps>;

interface Going extends Where {
  replace?: boolean;
  /** The page that is left; the one on which `useGo` was called, if nothing else is said. */
  from?: Where;
}

/**
 * Goes somewhere; `replace` leaves no step back to where one was.
 *
 * Only from the page that is to be left: who went on before the site had answered stays where they are.
 */
export function useGo(): (where: Going) => void {
  const navigate = useNavigate();
  const router = useRouter();
  const here = useLocation({ select: ({ pathname }) => pathname });
  return useMemo(() => {
    const go = navigate as unknown as (where: Where & { replace?: boolean }) => Promise<void>;
    return ({ from, ...where }) => {
      const left = from === undefined ? here : router.buildLocation(from as never).pathname;
      if (router.latestLocation.pathname === left) void go(where);
    };
  }, [navigate, router, here]);
}
