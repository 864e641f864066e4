/** A browser that a test uses as a person does: by the words that it shows. */
export interface DrivenBrowser {
  /** Whether it loads a page again that says so, or runs its script. */
  goesOn: boolean;
  open(address: string): Promise<void>;
  /** Presses the button, or follows the link, that begins with these words. */
  press(words: string): Promise<void>;
  /** Waits until one of these words is shown, and gives all that is. */
  shows(...words: string[]): Promise<string>;
  close(): Promise<void>;
}

/** How long a browser may take to show something; a busy machine is no failure. */
export const longestWaitMs = 60_000;
