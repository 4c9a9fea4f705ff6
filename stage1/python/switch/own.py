# The switch, part 7: this hop itself as an end of relays. What its own functions send comes from
# any thread, and is taken in the next turn of the thread with the role.
own_messages = deque()  # (handle, flags, body)


def send_near(handle, flags, body):
    """Send a message to a context behind this one. In any thread: econtext.senders calls it."""
    own_messages.append((handle, flags, body))
    os.write(alarm, b"k")


def take_message(context, handle, flags, body):
    """Take a whole message of a context for a relay. Returns whether the master shall have it."""
    take = relays.get((context, handle))
    try:
        return not take or take(flags, body)
    except ValueError:
        take.__self__.sever(context)


def serve_own():
    """Take what this hop's own functions have sent."""
    while own_messages:
        handle, flags, body = own_messages.popleft()
        # Without a relay it is for the master, as all other messages of this context.
        if take_message(me, handle, flags, body):
            send(handle, body, flags)
