"""What each route is called in the description of the API: clients made from it have these names."""

from __future__ import annotations

from isthmus.api.permissions import SCIM_PATH

TAGS = {
    "people": "Who exists: addresses, numbers, homes",
    "contacts": "Whom one can call",
    "presence": "How people can be reached now",
    "messages": "Files that are sent with messages",
    "media": "How browsers find a way for their media",
    "tenants": "Organisations that share a site, and their limits",
    "domains": "Tenants' domains and the proof that they are theirs",
    "devices": "Phones' own credentials",
    "numbers": "The inventory of telephone numbers, who has which, porting",
    "groups": "Groups and who is in them",
    "licences": "Plans, and who has them",
    "policies": "Named settings, and to whom they are granted",
    "plans": "Calling plans: minutes, and who has them",
    "credit": "What calls by carriers are paid from",
    "routes": "Voice routes: by which trunks calls go to the PSTN",
    "blocks": "Numbers that calls are not taken from, or not made to",
    "caps": "What calls may come to a day",
    "connectors": "Appliances beside gateways, and the places where they stand",
    "locations": "Where who calls the emergency services is",
    "directory": "Sources that people come from, runs of synchronisation, comparing the sites",
    "activity": "What accounts usually do, alerts, blocks",
    "audit": "Who changed what",
    "moves": "Moving people between homes",
    "operations": "Long work and its progress",
    "scim": "What identity providers push",
    "registrations": "Where phones can be reached",
    "calls": "Calls that are up, and records of those that are over",
    "rates": "What calls cost",
    "site": "The site itself",
    "accounts": "Who may sign in, and their roles",
    "roles": "What may be done by whom",
    "tokens": "Programs' tokens",
    "sessions": "Who is signed in",
    "access": "Permissions, and why somebody may or may not",
    "session": "One's own sign-in",
}
_OF_THE_SITE = frozenset({"link", "health", "snapshot", "healthz", "metrics", "sites", "setup", "trunks"})

_TITLES = """
GET /healthz isUp: Whether the site is up
GET /v1/people listPeople: People, page by page
GET /v1/people/count countPeople: How many people there are
GET /v1/people/export exportPeople: People as a file
GET /v1/people/{aor} getPerson: One person
GET /v1/people/{aor}/photo getPhoto: Photo of a person
GET /v1/contacts findContacts: Whom one can call: names, addresses and numbers
POST /v1/messages/files bringFile: Bring a file that a message is to be sent with
GET /v1/media/ice getIceServers: STUN and TURN servers for one's own browser, with a credential that ends soon
GET /v1/people/{aor}/messages exportMessages: All conversations of a person, for legal reasons
GET /v1/messages/{message}/file getFileOfMessage: The file of a message, for who is in the conversation
POST /v1/people createPerson: Add a person
POST /v1/people/import importPeople: Add or change many people at once
POST /v1/people/edit editPeople: The same change of many people, or what it would be for each
PATCH /v1/people/{aor} changePerson: Change a person
DELETE /v1/people/{aor} deletePerson: Delete a person
GET /v1/tenants listTenants: Tenants
GET /v1/tenants/{tenant} getTenant: One tenant
POST /v1/tenants createTenant: Add a tenant
PATCH /v1/tenants/{tenant} changeTenant: Change, limit or suspend a tenant
DELETE /v1/tenants/{tenant} deleteTenant: Delete an empty tenant
GET /v1/domains listDomains: A tenant's domains
GET /v1/domains/{domain} getDomain: One domain
POST /v1/domains claimDomain: Claim a domain
POST /v1/domains/{domain}/verify verifyDomain: Look for the TXT record that proves a domain
POST /v1/domains/{domain}/approve approveDomain: Approve a domain by the operator's word
DELETE /v1/domains/{domain} removeDomain: Give a domain up
GET /v1/devices listDevices: Devices
GET /v1/devices/{device} getDevice: One device
POST /v1/devices createDevice: Add a device; its secret is shown once
POST /v1/devices/forbid-md5 forbidMd5: Let devices sign in by SHA-256 alone
POST /v1/devices/{device}/rotate rotateDevice: Give a device a new secret
PATCH /v1/devices/{device} changeDevice: Change a device
DELETE /v1/devices/{device} revokeDevice: Revoke a device
GET /v1/numbers listNumbers: A tenant's numbers, page by page
GET /v1/numbers/ranges listNumberRanges: A tenant's ranges of numbers
POST /v1/numbers/ranges addNumberRange: Put a range into a tenant's inventory
POST /v1/numbers/import importNumbers: Put many ranges in and assign numbers, or say what would be done
GET /v1/numbers/ranges/{range_} getNumberRange: A range of numbers, and what becomes of them
PATCH /v1/numbers/ranges/{range_} changeNumberRange: Change what is said of a range
DELETE /v1/numbers/ranges/{range_} removeNumberRange: Take numbers out of a tenant's inventory
GET /v1/numbers/extensions listExtensions: Extensions behind a tenant's numbers, page by page
GET /v1/numbers/ports listPortingOrders: A tenant's porting orders, the newest first
POST /v1/numbers/ports requestPorting: Ask for numbers to be ported
GET /v1/numbers/ports/{port} getPortingOrder: One porting order
POST /v1/numbers/ports/{port}/events advancePortingOrder: Take down what happened to a porting order
GET /v1/numbers/offers listOffers: Numbers that carriers sell
GET /v1/numbers/purchases listPurchases: A tenant's purchases of numbers
POST /v1/numbers/purchases buyNumber: Reserve a number at a carrier and, unless said otherwise, buy it
GET /v1/numbers/purchases/{purchase} getPurchase: One purchase
POST /v1/numbers/purchases/{purchase}/buy confirmPurchase: Buy what is reserved
POST /v1/numbers/purchases/{purchase}/cancel cancelPurchase: Call a purchase off for which nothing was spent
POST /v1/numbers/purchases/{purchase}/return returnNumber: Give a number that was bought back to its carrier
POST /v1/numbers/{number}/address registerAddress: Tell a number's carrier where its emergency calls come from
GET /v1/numbers/{number} getNumber: One number, its owner and extensions
POST /v1/numbers/{number}/reserve reserveNumber: Keep a number for oneself for ten minutes
POST /v1/numbers/{number}/assign assignNumber: Give a free number to somebody
POST /v1/numbers/{number}/transfer transferNumber: Give somebody's number to somebody else
POST /v1/numbers/{number}/release releaseNumber: Free a number
GET /v1/groups listGroups: A tenant's groups
GET /v1/groups/{name} getGroup: One group and its members
POST /v1/groups createGroup: Add a group
PATCH /v1/groups/{name} changeGroup: Change a group or its members
DELETE /v1/groups/{name} deleteGroup: Delete a group
GET /v1/licences listLicences: A tenant's plans and how many are taken
GET /v1/licences/features listFeatures: What plans can give
GET /v1/licences/check checkLicences: Who lacks what
GET /v1/licences/of/{aor} getLicencesOf: What a person has, and by which plan
GET /v1/licences/{plan} getLicence: One plan and who has it
PUT /v1/licences/{plan} putLicence: Make or change a plan
DELETE /v1/licences/{plan} deleteLicence: Delete a plan
POST /v1/licences/{plan}/assign assignLicence: Give a plan to people or groups
POST /v1/licences/{plan}/unassign unassignLicence: Take a plan from people or groups
GET /v1/policies listPolicies: A tenant's policies and grants
GET /v1/policies/kinds listPolicyKinds: Kinds of policies and their settings
GET /v1/policies/explain explainPolicies: What is in force for a person, and why
GET /v1/policies/dialled explainDialled: What dialled digits mean for a person
GET /v1/policies/{kind}/{name} getPolicy: One policy
POST /v1/policies createPolicy: Add a policy
PATCH /v1/policies/{kind}/{name} changePolicy: Change a policy
DELETE /v1/policies/{kind}/{name} deletePolicy: Delete a policy
POST /v1/policies/grant grantPolicy: Grant a policy
POST /v1/policies/revoke revokePolicy: Take a grant back
GET /v1/trunks listTrunks: The site's ways to the PSTN, and how they are
GET /v1/plans listCallingPlans: A tenant's calling plans
GET /v1/plans/{plan} getCallingPlan: A calling plan, and who has it
GET /v1/plans/of/{aor} getCallingPlanOf: Somebody's calling plan, and by which group they have it
GET /v1/plans/{plan}/people listCallingPlanPeople: Who has a calling plan, and what they used of it
PUT /v1/plans/{plan} defineCallingPlan: Make a calling plan, or make it anew
DELETE /v1/plans/{plan} deleteCallingPlan: Delete a calling plan that nobody has
POST /v1/plans/{plan}/assign assignCallingPlan: Give people and groups a calling plan instead of any other
POST /v1/plans/{plan}/unassign unassignCallingPlan: Take their calling plan from people and groups
POST /v1/plans/{plan}/preview previewCallingPlan: Who would have another calling plan, if it were given or taken
GET /v1/credit/usage getPlanUsage: What a tenant used of its minutes in a month
GET /v1/credit/settings getPlanSettings: What a tenant says of its calls by carriers
PATCH /v1/credit/settings changePlanSettings: Change what a tenant says of its calls by carriers
GET /v1/credit getCredit: A tenant's calling credit
POST /v1/credit addCredit: Add calling credit, or take some back
GET /v1/credit/charges listCharges: What a month's calls were charged
GET /v1/routes listRoutes: A tenant's voice routes
GET /v1/routes/{name} getRoute: One voice route
POST /v1/routes createRoute: Add a voice route
PATCH /v1/routes/{name} changeRoute: Change a voice route
DELETE /v1/routes/{name} deleteRoute: Delete a voice route
GET /v1/blocks listBlocks: What a tenant blocks
POST /v1/blocks addBlock: Block a number, or let it through whatever is blocked
POST /v1/blocks/remove removeBlock: Block no more
GET /v1/caps listCaps: What a tenant's calls may come to, and have come to today
POST /v1/caps setCap: Make or change a cap
POST /v1/caps/remove removeCap: Remove a cap
GET /v1/connectors listConnectors: A tenant's connectors, and how they are
GET /v1/connectors/{name} getConnector: One connector
POST /v1/connectors inviteConnector: Make room for a connector, and a one-time code for it
PATCH /v1/connectors/{name} drainConnector: Let a connector have no new calls, or some again
DELETE /v1/connectors/{name} removeConnector: Let a connector in no more
POST /v1/connectors/enrol enrolConnector: A certificate for who has a one-time code
GET /v1/connector-sites listConnectorSites: A tenant's places with connectors
GET /v1/connector-sites/{site} getConnectorSite: What the connectors of a place work by
PUT /v1/connector-sites/{site} setConnectorSite: Say what the connectors of a place work by
DELETE /v1/connector-sites/{site} removeConnectorSite: Remove a place without connectors
GET /v1/locations/places listPlaces: A tenant's emergency places
GET /v1/locations/places/{place} getPlace: One place
POST /v1/locations/places createPlace: Add a place
PATCH /v1/locations/places/{place} changePlace: Change a place
DELETE /v1/locations/places/{place} deletePlace: Remove a place that nothing leads to
GET /v1/locations/networks listNetworkElements: Ports, switches, access points and subnets, and where they lead
POST /v1/locations/networks createNetworkElement: Let a part of the network lead to a place
POST /v1/locations/networks/import importNetworkElements: Let many parts of the network lead to places at once
POST /v1/locations/networks/remove removeNetworkElement: Let a part of the network lead nowhere
GET /v1/locations/find findLocation: Where a device is, and why
GET /v1/locations/loans listLoans: Numbers lent to emergency calls whose window is open
GET /v1/locations/callback getCallback: Whom a call back to a number reaches
GET /v1/locations/chosen/{aor} getChosenPlaces: What a person chose for themselves and their devices
PUT /v1/locations/chosen/{aor} choosePlace: Let a person be where they say
DELETE /v1/locations/chosen/{aor} forgetChosenPlaces: Forget what a person chose
GET /v1/presence/{aor} getPresence: How a person can be reached now
PUT /v1/presence/{aor} setPresence: Set a person's presence, and who sees how much of it
GET /v1/directory/sources listSources: Where people come from
POST /v1/directory/sources/{name}/check checkSource: Whether a source answers
POST /v1/directory/runs startRun: Synchronise, or say what would be done
GET /v1/directory/runs listRuns: Runs of synchronisation, the newest first
GET /v1/directory/runs/{run_id} getRun: One run and its changes
GET /v1/directory/conflicts listConflicts: People who could not be brought in
GET /v1/directory/people/{aor} getSynchronisedPerson: What the source says of a person
POST /v1/directory/people/{aor}/restore restorePerson: Bring back a person who vanished from the source
POST /v1/directory/compare compareDirectories: Whether the sites agree, and repairing what does not
GET /v1/activity/alerts listAlerts: Alerts, the newest first
GET /v1/activity/alerts/{alert} getAlert: One alert
POST /v1/activity/alerts/{alert}/confirm confirmAlert: Say that an alert was right
POST /v1/activity/alerts/{alert}/false-alarm dismissAlert: Say that an alert was a false alarm
GET /v1/activity/profiles/{account} getProfile: What is usual for an account
POST /v1/activity/block blockPerson: Keep a person from something
POST /v1/activity/unblock unblockPerson: Allow a person again what they were kept from
GET /v1/activity/networks listBlockedNetworks: Networks that the site is closed to
POST /v1/activity/networks/block blockNetwork: Close the site to a network
POST /v1/activity/networks/unblock unblockNetwork: Open the site to a network again
GET /v1/audit listAuditEntries: Entries of the audit log, the newest first
GET /v1/audit/export exportAuditLog: The audit log as a file
GET /v1/audit/anchor getAuditAnchor: The head of the chain, to keep elsewhere
GET /v1/audit/{id_} getAuditEntry: One entry of the audit log
POST /v1/audit/verify verifyAuditLog: Whether the log is whole
POST /v1/audit/accept acceptAuditLog: Go on from an earlier state of the log
POST /v1/moves startMove: Move people, or say what would be done
GET /v1/moves listMoves: Moves, the newest first
GET /v1/moves/{batch_id} getMove: One move and its people
POST /v1/moves/{batch_id}/pause pauseMove: Begin no further people
POST /v1/moves/{batch_id}/resume resumeMove: Go on
POST /v1/moves/{batch_id}/cancel cancelMove: Leave those where they are who are not under way
GET /v1/operations/{operation} getOperation: How far long work is
GET /v1/operations/{operation}/events watchOperation: Its progress as server-sent events
GET /v1/scim getScimStatus: What an identity provider has pushed
GET /v1/scim/tokens listScimTokens: Identity providers' tokens
POST /v1/scim/tokens createScimToken: Make a token for an identity provider; it is shown once
GET /v1/registrations listRegistrations: Where people's phones can be reached
POST /v1/calls/end endCall: End a call
GET /v1/calls listCalls: Calls that are up
GET /v1/calls/explain explainCall: Where a call would go, and why
GET /v1/calls/reaching explainReaching: Who and what reaches somebody, and by which ways
GET /v1/calls/ladder getLadder: What was signalled of a call that is over, between whom and when
GET /v1/calls/records listCallRecords: Calls that are over, the newest first
POST /v1/calls/reports reportCall: Report how a call sounds in one's own browser
GET /v1/calls/reports listCallReports: What browsers reported of a call, or of all, the newest first
GET /v1/calls/reports/export exportCallReports: What browsers reported of calls as a file
GET /v1/calls/records/export exportCallRecords: Calls that are over as a file
GET /v1/rates listRates: A tenant's rates
POST /v1/rates/import importRates: Replace a tenant's rates, or say what would change
GET /v1/link listLinks: How it stands with the other sites
GET /v1/health getHealth: How the site is
GET /v1/setup getSetup: What is set up at the site, and what is missing
GET /v1/sites listSites: How this site and its peers are
GET /v1/metrics getMetrics: Figures for Prometheus
GET /v1/snapshot getSnapshot: What calls are routed by
POST /v1/snapshot/rebuild rebuildSnapshot: Compile the snapshot anew
GET /v1/accounts listAccounts: Accounts, page by page
POST /v1/accounts createAccount: Add an account; a password that is made is shown once
GET /v1/accounts/{name} getAccount: One account and its roles
PATCH /v1/accounts/{name} changeAccount: Change an account
DELETE /v1/accounts/{name} deleteAccount: Delete an account
POST /v1/accounts/{name}/reset-mfa resetFactors: Take an account's second factors away
POST /v1/accounts/{name}/roles grantRole: Give an account a role
DELETE /v1/accounts/{name}/roles/{grant} revokeRole: Take a role from an account
GET /v1/roles listRoles: Roles
GET /v1/roles/{role} getRole: One role and who holds it
PUT /v1/roles/{role} putRole: Make or change a custom role
DELETE /v1/roles/{role} deleteRole: Delete a custom role
GET /v1/tokens listTokens: Programs' tokens
POST /v1/tokens createToken: Make a token; it is shown once
DELETE /v1/tokens/{token} revokeToken: Revoke a token
GET /v1/sessions listSessions: Who is signed in
DELETE /v1/sessions/{session} endSession: End a session
GET /v1/access/permissions listPermissions: Every permission there is
GET /v1/access/explain explainAccess: Why somebody may do something, or may not
POST /v1/session signIn: Sign in by name and password
GET /v1/session getSession: One's own session, and what is next
DELETE /v1/session signOut: Sign out
POST /v1/session/second-factor proveSecondFactor: Prove the second factor
POST /v1/session/passkey/options beginPasskeySignIn: Begin to sign in by passkey
POST /v1/session/passkey signInByPasskey: Sign in by passkey
POST /v1/session/password changeOwnPassword: Change one's own password
POST /v1/session/totp beginTotp: Begin to register an authenticator app
POST /v1/session/totp/confirm confirmTotp: Prove that the authenticator app works
DELETE /v1/session/totp removeTotp: Remove the authenticator app
POST /v1/session/recovery-codes makeRecoveryCodes: New recovery codes
GET /v1/session/passkeys listPasskeys: One's own passkeys
POST /v1/session/passkeys/options beginPasskey: Begin to register a passkey
POST /v1/session/passkeys registerPasskey: Register a passkey
DELETE /v1/session/passkeys/{key} removePasskey: Remove a passkey
GET /v1/session/outside listProviders: Providers that one can sign in by
POST /v1/session/outside/{provider} beginOutside: Begin to sign in by a provider
POST /v1/session/outside/{provider}/password signInByDirectory: Sign in by the directory's password
GET /v1/session/outside/{provider}/callback finishOutside: Where the provider sends the browser back to
POST /v1/session/outside/{provider}/acs finishSamlSignIn: Where a SAML provider sends browsers back to
GET /v1/session/outside/{provider}/metadata getSamlMetadata: What a SAML provider is to know of this site
GET /v1/session/links listOutsideLinks: Providers that one's account is linked to
DELETE /v1/session/links/{link} removeOutsideLink: Remove a link to a provider
"""


def _parsed() -> dict[tuple[str, str], tuple[str, str]]:
    found = {}
    for line in _TITLES.strip().splitlines():
        method, path, named = line.split(" ", 2)
        name, summary = named.split(": ", 1)
        found[method, path] = (name, summary)
    return found


TITLES = _parsed()
"""operationId and summary of each route that is described."""

NOT_DESCRIBED = frozenset({"/", "/account", "/alerts", "/devices", "/assets/{name}", "/v1/openapi.json", SCIM_PATH}) | {
    "/console", "/console/{path}", "/phone", "/phone/assets/{name}", "/phone/{path}",
}  # fmt: skip


def tag_of(path: str) -> str:
    """The one tag of a route."""
    first = path.removeprefix("/v1").split("/")[1]
    first = "connectors" if first == "connector-sites" else first
    return "site" if first in _OF_THE_SITE else first
