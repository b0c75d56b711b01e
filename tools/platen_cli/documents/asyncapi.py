"""`docs/asyncapi.yaml`: the catalogue in the words of AsyncAPI 3."""

from __future__ import annotations

from typing import Any

import yaml
from platen_contracts.generate import short_name
from platen_contracts.message import Message
from platen_contracts.topics import CATALOGUE, MESSAGES, Topic

from .topics_page import EXAMPLES, SCHEMAS

Json = dict[str, Any]

_HEADERS = {
    "ce_specversion": ("CloudEvents version", {"const": "1.0"}),
    "ce_id": ("id of the message; a message seen before is ignored", {"maxLength": 128}),
    "ce_type": ("platen.<owner>.<Name>.v<N>", {}),
    "ce_source": ("who sent it", {}),
    "ce_time": ("when, RFC 3339", {"format": "date-time"}),
    "ce_subject": ("what it is about: the key", {}),
    "ce_correlationid": ("id of the message that began the conversation", {}),
    "ce_causationid": ("id of the message that this one follows from", {}),
    "ce_replayof": ("id of the message that this one replays", {}),
    "traceparent": ("W3C trace context", {}),
}
_ABOUT = (
    "Personalised print-on-demand orders, from the shop to the customer's door. On compacted topics a record without a value "
    "(a tombstone) ends what stood under its key. A deployment may put a prefix before every address."
)
_REQUIRED = ("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time")


def asyncapi_yaml() -> str:
    return yaml.safe_dump(asyncapi(), sort_keys=False, allow_unicode=True, width=130)


def asyncapi() -> Json:
    """The AsyncAPI 3.0 document: a channel per topic, an operation per service and topic, a component per message version."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Platen",
            "version": "1.0.0",
            "description": _ABOUT,
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in CATALOGUE.values()},
        "operations": {name: body for topic in CATALOGUE.values() for name, body in _operations(topic).items()},
        "components": {
            "messages": {short_name(message): _message(message) for message in MESSAGES.values()},
            "messageTraits": {"cloudEvent": {"headers": _headers()}},
        },
    }


def _channel(topic: Topic) -> Json:
    settings: Json = {"cleanup.policy": ["compact" if topic.compacted else "delete"], "max.message.bytes": topic.max_bytes}
    if topic.retention_ms is not None:
        settings["retention.ms"] = topic.retention_ms
    return {
        "address": topic.name,
        "description": topic.about,
        "messages": {short_name(each): {"$ref": f"#/components/messages/{short_name(each)}"} for each in topic.messages},
        "bindings": {"kafka": {"topic": topic.name, "partitions": topic.partitions, "topicConfiguration": settings}},
        "x-kind": str(topic.kind),
        "x-owner": topic.owner,
        "x-key": topic.key,
        "x-personal": topic.personal,
    }


def _operations(topic: Topic) -> dict[str, Json]:
    channel = {"$ref": f"#/channels/{topic.name}"}
    messages = [{"$ref": f"#/channels/{topic.name}/messages/{short_name(each)}"} for each in topic.messages]
    return {
        f"{who}.{action}.{topic.name}": {"action": action, "channel": channel, "messages": messages, "x-service": who}
        for action, parties in (("send", topic.writers), ("receive", topic.readers))
        for who in parties
    }


def _message(message: type[Message]) -> Json:
    name = short_name(message)
    return {
        "name": message.TYPE,
        "title": message.__name__,
        "summary": " ".join((message.__doc__ or message.__name__).split()),
        "contentType": "application/json",
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {"$ref": f"{SCHEMAS}/{name}.json"},
        },
        "externalDocs": {"description": "examples", "url": f"{EXAMPLES}/{name}"},
    }


def _headers() -> Json:
    return {
        "type": "object",
        "required": list(_REQUIRED),
        "properties": {name: {"type": "string", "description": told, **more} for name, (told, more) in _HEADERS.items()},
    }
