declare module "jssip/lib/DigestAuthentication" {
  const DigestAuthentication: { prototype: object };
  export default DigestAuthentication;
}
