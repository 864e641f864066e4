/** What authors of MCP servers import: `managed-agents-interface/verify`. */
export type { ActingAgent, AgentClaims, Algorithm, Permitted, PersonId, SessionClaims } from './claims.ts';
export { sessionTokenType, verdictOn } from './claims.ts';
export type { AuthInfo, Challenge } from './middleware.ts';
export {
  authenticate,
  authInfoOf,
  challengeOf,
  expressAuth,
  honoAuth,
  mayCall,
  mcpTokenVerifier,
  refusalResponse,
} from './middleware.ts';
export type { ReplayWindow } from './replay.ts';
export { replayWindow } from './replay.ts';
export type { Refusal, RefusalCode, Trust, TrustedIssuer, TrustSettings, Verification, Verified } from './verify.ts';
export { trust, verifySessionToken, verifyToken } from './verify.ts';
