import { Button } from "@fluentui/react-components";
import { t } from "../../messages/console";

interface MoreProps {
  of: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => Promise<unknown> };
}

/** Asks for the next page of a long list. */
export function More({ of }: MoreProps) {
  if (!of.hasNextPage) return null;
  return (
    <div>
      <Button disabled={of.isFetchingNextPage} onClick={() => void of.fetchNextPage()}>
        {t("more")}
      </Button>
    </div>
  );
}
