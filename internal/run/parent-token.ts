/** What a console asks for where a session begins another one; the command that has the descriptor answers. */
export const parentTokenWords = 'the token of the session that begins this one';
