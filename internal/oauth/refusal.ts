import { AppError } from '../errors/app-error.ts';
import type { ErrorCode } from '../errors/exit-codes.ts';

/** What an authorization server answered with one of the error codes of OAuth (RFC 6749 sections 4.1.2.1 and 5.2, RFC 8707). */
export class OAuthRefusal extends AppError {
  override readonly name: string = 'OAuthRefusal';
  /** Its code, as it was sent: text from outside. */
  readonly error: string;

  constructor(code: ErrorCode, message: string, error: string, details: { hint?: string; cause?: unknown } = {}) {
    super(code, message, details);
    this.error = error;
  }
}
