import type { Choice } from './choices.ts';

/** Documented: each status has one error type. 405 has none of its own, so it is an invalid request. */
const typeOfStatus: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  405: 'invalid_request_error',
  409: 'conflict_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  500: 'api_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** An answer that is an error: thrown by whoever finds it, written once by the server. */
export class ApiError extends Error {
  readonly status: number;
  /** Documented: `details.error_code` is present only for the few errors that have a code. */
  readonly code: string | undefined;

  constructor(status: number, message: string, code?: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Builds the documented body of an error answer. */
export function errorBody(status: number, message: string, requestId: string, code?: string) {
  return {
    type: 'error',
    error: {
      type: typeOfStatus[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error'),
      message,
      ...(code === undefined ? {} : { details: { error_code: code } }),
    },
    request_id: requestId,
  };
}

export function invalidRequest(message: string, code?: string): ApiError {
  return new ApiError(400, message, code);
}

/**
 * Documented: the message of an unknown vault is `vault <id> not found`; the other things follow it. A malformed id is
 * simply not found either (choices.malformedId).
 */
export function notFound(thing: string, id: string): ApiError {
  return new ApiError(404, `${thing} ${id} not found`);
}

export function conflict(message: string): ApiError {
  return new ApiError(409, message);
}

/** An error whose status nobody documents: the status is the sandbox's own choice, by name. */
export function chosenError(choice: Choice & { status: number }, message: string): ApiError {
  return new ApiError(choice.status, message);
}
