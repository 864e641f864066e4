import type { Requirement } from '../config/definitions.ts';
import { AppError } from '../errors/app-error.ts';

/** The sign-in is not good enough, or not any more: with one that meets the requirement the same is asked again. */
export class BetterSignInNeeded extends AppError {
  readonly requirement: Requirement;

  constructor({ code, message, hint }: AppError, requirement: Requirement) {
    super(code, message, hint === undefined ? {} : { hint });
    this.requirement = requirement;
  }
}
