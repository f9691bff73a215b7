// The console's way in: see ../enter.ts.

import { leaveForSignIn, signInFor } from "../api/signin";

signInFor("console");
if (location.pathname === "/console/callback") void import("./main");
else void leaveForSignIn(`${location.pathname}${location.search}`);
