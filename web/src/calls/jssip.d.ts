declare module "jssip/lib/DigestAuthentication" {
  const DigestAuthentication: { prototype: object };
  export default DigestAuthentication;
}

declare module "jssip/lib/Dialog" {
  const Dialog: { prototype: object };
  export default Dialog;
}
