import { Button, MessageBar, MessageBarActions, MessageBarBody, Spinner } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { useEffect } from "react";
import { leaveForSignIn, takeAnswer } from "../api/signin";
import { t } from "../messages/console";
import { router } from "./router";

/** Where the sign-in page sends people back to; leads on to the page that they wanted. */
export function Callback() {
  const answer = useQuery({
    queryKey: ["sign-in"],
    // An answer is good once, however often this is drawn.
    staleTime: Infinity,
    retry: false,
    queryFn: () => takeAnswer(new URLSearchParams(location.search)),
  });
  const back = answer.data;
  useEffect(() => {
    if (back !== undefined) router.history.replace(back.startsWith("/console/") ? back : "/console/");
  }, [back]);
  if (answer.error === null) return <Spinner label={t("loading")} />;
  return (
    <main>
      <MessageBar intent="error">
        <MessageBarBody>{t("signInFailed", { reason: answer.error.message })}</MessageBarBody>
        <MessageBarActions>
          <Button onClick={() => void leaveForSignIn()}>{t("again")}</Button>
        </MessageBarActions>
      </MessageBar>
    </main>
  );
}
