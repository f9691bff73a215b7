// The phone's way in, some kilobytes. Tokens are in memory alone, so whoever comes here has none: they go on to the sign-in
// page at once, and what the phone is made of is loaded when they are back. What the site has to be asked first is asked
// meanwhile.

import { leaveForSignIn } from "./api/signin";
import { begin } from "./calls/begin";
import { keepLink } from "./calls/links";

keepLink();
if (location.pathname === "/phone/callback") {
  begin();
  void import("./main");
} else {
  void leaveForSignIn();
}
