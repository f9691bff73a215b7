import { Button, MessageBar, MessageBarBody, MessageBarActions, Spinner } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { Navigate } from "@tanstack/react-router";
import { leaveForSignIn } from "../api/signin";
import { signIn } from "../calls/begin";
import { say } from "../messages";

/** Where the sign-in page sends people back to. */
export function CallbackPage() {
  const answer = useQuery({
    queryKey: ["sign-in"],
    // An answer is good once, however often this is drawn.
    staleTime: Infinity,
    retry: false,
    queryFn: signIn,
  });
  if (answer.isSuccess) return <Navigate to="/" replace />;
  if (answer.isPending) return <Spinner label={say("loading")} />;
  return (
    <main>
      <MessageBar intent="error">
        <MessageBarBody>{say("signInFailed", { reason: answer.error.message })}</MessageBarBody>
        <MessageBarActions>
          <Button onClick={() => void leaveForSignIn()}>{say("again")}</Button>
        </MessageBarActions>
      </MessageBar>
    </main>
  );
}
