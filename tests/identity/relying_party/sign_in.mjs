// Signs in with openid-client as a strict relying party. The browser's part is done by who runs this:
// it prints the address to open, reads the address that the browser was sent back to, and prints the claims.
import { createInterface } from "node:readline/promises";

const client = await import(process.env.OPENID_CLIENT);
const { issuer, clientId, clientSecret, redirectUri, scope, maxAge } = JSON.parse(process.argv[2]);

const secure = clientSecret ? client.ClientSecretBasic(clientSecret) : client.None();
const config = await client.discovery(new URL(issuer), clientId, clientSecret, secure, {
  execute: [client.allowInsecureRequests],
});
const codeVerifier = client.randomPKCECodeVerifier();
const nonce = client.randomNonce();
const state = client.randomState();
const asked = {
  redirect_uri: redirectUri,
  scope,
  state,
  nonce,
  code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
  code_challenge_method: "S256",
};
if (maxAge !== undefined) {
  asked.max_age = String(maxAge);
}
console.log(client.buildAuthorizationUrl(config, asked).href);

const lines = createInterface({ input: process.stdin });
const returned = (await lines[Symbol.asyncIterator]().next()).value;
const checks = { pkceCodeVerifier: codeVerifier, expectedNonce: nonce, expectedState: state, maxAge };
const tokens = await client.authorizationCodeGrant(config, new URL(returned), checks);
const claims = tokens.claims();
const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
const refreshed = tokens.refresh_token ? await client.refreshTokenGrant(config, tokens.refresh_token) : null;
if (refreshed) {
  await client.tokenRevocation(config, refreshed.refresh_token);
}
console.log(JSON.stringify({ claims, info, refreshed: Boolean(refreshed) }));
lines.close();
